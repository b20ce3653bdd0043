
"use strict";
(() => {
  const PAGE = 50;
  const MOST_PRINTED = 2000;
  const find = (id) => document.getElementById(id);
  document.documentElement.classList.add("js");

  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  // Copying: the modern way, or the old one where a page from the disk is not allowed the modern one.
  const copyText = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = element("textarea", { value: text, className: "quiet" });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button || button.classList.contains("done")) return;
    await copyText(button.dataset.copy);
    button.focus();
    const label = button.textContent;
    button.classList.add("done");
    button.textContent = "Copied";
    find("said").textContent = "Copied: " + button.dataset.copy;
    setTimeout(() => { button.classList.remove("done"); button.textContent = label; }, 1500);
  });

  const data = find("data");
  if (!data) return;  // a live page, which shows no table
  const { texts, rows, zones, consoles, run, span } = JSON.parse(data.textContent);

  // The address keeps what is shown: `#outcome=unknown&zone=local`. A fragment without "=" is a place of the page.
  const address = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const keep = (changes) => {
    const wanted = address();
    for (const [name, value] of Object.entries(changes)) {
      if (value) wanted.set(name, value); else wanted.delete(name);
    }
    history.replaceState(null, "", "#" + (wanted.size ? wanted : "campaigns"));
  };

  // Times in UTC, the reader's zone, or a zone of the run's windows.
  const zone = find("zone");
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const [value, label] of [["local", `local (${local})`], ...zones.map((name) => [name, name])]) {
    zone.append(element("option", { value }, label));
  }
  zone.disabled = false;
  let format;
  const chooseZone = (name) => {
    zone.value = [...zone.options].some((option) => option.value === name) ? name : "UTC";
    format = new Intl.DateTimeFormat("en-CA", { timeZone: zone.value === "local" ? local : zone.value, hourCycle: "h23",
      year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
      fractionalSecondDigits: 3 });
  };
  const time = (at) => (at === null ? "–" : format.format(at).replace(", ", " "));
  const showTimes = () => {
    for (const one of document.querySelectorAll("time[data-at]")) one.textContent = time(Number(one.dataset.at));
  };
  chooseZone(address().get("zone"));

  // The timeline's zoom: a part of the run, as shares of it.
  const zoomBar = document.querySelector(".zoom");
  const part = { from: 0, to: 1 };
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800];
  const drawTimes = () => {
    const [begin, end] = [part.from, part.to].map((share) => span[0] + share * (span[1] - span[0]));
    const step = 1000 * (STEPS.find((seconds) => seconds * 5000 >= end - begin) ?? Math.ceil((end - begin) / 5000));
    const ticks = [];
    for (let at = Math.ceil(begin / step) * step; at <= end; at += step) ticks.push(at);
    for (const picture of document.querySelectorAll("svg[role=img]")) {
      for (const old of picture.querySelectorAll("text.tick")) old.remove();
      for (const at of ticks.length > 1 ? ticks : [begin, end]) {
        const x = end > begin ? (at - begin) / (end - begin) * 100 : 0;
        const tick = document.createElementNS("http://www.w3.org/2000/svg", "text");
        const where = { class: "tick", x: `${x.toFixed(2)}%`, y: Number(picture.getAttribute("height")) - 4,
          "text-anchor": x < 5 ? "start" : x > 95 ? "end" : "middle" };
        for (const [name, value] of Object.entries(where)) tick.setAttribute(name, value);
        tick.textContent = step >= 86400000 ? time(at).slice(0, 10) : time(at).slice(11, step >= 60000 ? 16 : 19);
        picture.append(tick);
      }
    }
  };
  const showPart = () => {
    const width = part.to - part.from;
    for (const inner of document.querySelectorAll("svg.inner")) {
      inner.setAttribute("viewBox", `${part.from * 1000} 0 ${width * 1000} ${inner.getAttribute("height")}`);
    }
    // A band's bars are as wide as the screen shows well; closer than this, every start has a dot of its own.
    find("timeline").classList.toggle("near", width < 1 / 8);
    find("timeline").classList.toggle("zoomed", width < 1);
    drawTimes();
    for (const mark of document.querySelectorAll("line[data-x], text.wave[data-x]")) {
      const x = (Number(mark.dataset.x) - part.from * 100) / width;
      for (const name of mark.tagName === "line" ? ["x1", "x2"] : ["x"]) mark.setAttribute(name, x.toFixed(2) + "%");
      mark.style.visibility = x < -0.01 || x > 100.01 ? "hidden" : "";
    }
    const at = (share) => time(span[0] + share * (span[1] - span[0])).slice(0, 19);
    find("zoomed").textContent = `${at(part.from)} to ${at(part.to)}`;
  };
  const zoom = (how) => {
    const width = part.to - part.from;
    const wide = { in: width / 2, out: width * 2, all: 1 }[how] ?? width;
    const kept = Math.min(1, Math.max(1 / 1024, wide));
    const move = { earlier: -width / 2, later: width / 2 }[how] ?? 0;
    part.from = Math.min(1 - kept, Math.max(0, (part.from + part.to) / 2 - kept / 2 + move));
    part.to = part.from + kept;
    showPart();
  };
  if (zoomBar) {
    zoomBar.hidden = false;
    zoomBar.addEventListener("click", (event) => { if (event.target.dataset.zoom) zoom(event.target.dataset.zoom); });
    zoomBar.addEventListener("keydown", (event) => {
      const how = { "+": "in", "=": "in", "-": "out", ArrowLeft: "earlier", ArrowRight: "later", 0: "all" }[event.key];
      if (!how || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      zoom(how);
    });
    showPart();
  }
  window.addEventListener("beforeprint", () => { if (zoomBar) zoom("all"); });

  // Files are made here: the page has no server to ask.
  const saveFile = (name, type, content) => {
    const link = element("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const quoted = (value) => '"' + String(value ?? "").replaceAll('"', '""') + '"';
  // A spreadsheet would compute a text that begins like a formula.
  const harmless = (value) => (typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? "'" + value : value);
  const csv = (lines) => lines.map((line) => line.map(quoted).join(",") + "\r\n").join("");

  const app = find("app");
  zone.addEventListener("change", () => {
    chooseZone(zone.value);
    keep({ zone: zone.value === "UTC" ? "" : zone.value });
    showTimes();
    if (zoomBar) showPart();
    if (app) show();
  });
  showTimes();
  if (!app) return;
  const text = (number) => (number === null ? "" : texts[number]);
  const campaigns = rows.map((row, place) => {
    const [account, wave, outcome, reason, message, next, stream, campaign, name, attempts, sent, status, elapsed, tags, recipients, ...way] = row;
    const made = {
      place, account: text(account), wave: text(wave), outcome: text(outcome), reason: text(reason),
      message: text(message), next: text(next), id: text(stream) + "/" + campaign, name, attempts, sent, status, elapsed,
      stream: text(stream), cid: campaign, tags: text(tags).split(" ").filter(Boolean), recipients, delivery: null,
    };
    if (way.length) {
      const [state, messages, rate, idle, eta, read] = way;
      made.delivery = { state, sent: messages, rate, idle, eta, read };
    }
    made.campaign = made.name || made.id;
    made.haystack = [made.name, made.id, made.account, made.wave, made.reason, made.message, ...made.tags].join("\n").toLowerCase();
    return made;
  });
  const RANK = ["unknown", "failed", "held", "skipped", "started", "already_started"];
  // What needs somebody comes first, then the smallest share of its recipients.
  const STUCK = ["stalled", "stopped", "paused", "gone", "other", "active", "completed"];
  const stuck = (c) => (c.delivery ? STUCK.indexOf(c.delivery.state) : STUCK.length);
  const share = (c) => (c.delivery && c.delivery.sent !== null && c.recipients ? c.delivery.sent / c.recipients : Infinity);
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const ORDERS = {
    plan: (a, b) => a.place - b.place,
    campaign: (a, b) => words.compare(a.campaign, b.campaign),
    account: (a, b) => words.compare(a.account, b.account),
    wave: (a, b) => words.compare(a.wave, b.wave),
    outcome: (a, b) => RANK.indexOf(a.outcome) - RANK.indexOf(b.outcome),
    attempts: (a, b) => a.attempts - b.attempts,
    sent: (a, b) => (a.sent ?? Infinity) - (b.sent ?? Infinity) || 0,
    delivered: (a, b) => stuck(a) - stuck(b) || share(a) - share(b) || 0,
  };
  const FILTERS = ["outcome", "account", "wave", "tag", "delivered"];
  let hasOpened = false;
  const state = { sort: "plan", down: false, page: 0, size: PAGE };
  let matching = campaigns;

  const number = new Intl.NumberFormat("en");
  const plain = (word) => word.replaceAll("_", " ");
  const took = (elapsed) => {
    if (elapsed === null) return "";
    return elapsed < 10000 ? `${Math.round(elapsed)} ms` : `${(elapsed / 1000).toFixed(1)} s`;
  };

  const cell = (label, className, ...children) => {
    const made = element("td", { className }, ...children);
    made.dataset.label = label;
    made.setAttribute("role", "cell");
    return made;
  };
  const copyButton = (label, command) => {
    const made = element("button", { type: "button", className: "copy", title: command }, label);
    made.dataset.copy = command;
    return made;
  };
  const nextOf = (campaign) => {
    const labelOf = (line) => line.includes(" --as started ") ? "Copy: it started"
      : line.includes(" --as not-started ") ? "Copy: it did not start" : "Copy command";
    return campaign.next.split("\n").filter(Boolean).map((line) => copyButton(labelOf(line), line));
  };
  const linkOf = (c) => {
    const at = consoles[c.account];
    if (!at) return [];
    const href = at.replaceAll("{stream}", encodeURIComponent(c.stream)).replaceAll("{campaign}", encodeURIComponent(c.cid));
    const name = element("span", { className: "quiet" }, ` for ${c.campaign}, opens in a new tab`);
    return [element("a", { href, target: "_blank", rel: "noopener noreferrer" }, "Console", name)];
  };
  const deliveryOf = (c) => {
    if (!c.delivery) return c.recipients === null ? [] : [element("span", { className: "more-info" }, `${number.format(c.recipients)} recipients`)];
    const { state, sent, rate, idle, eta } = c.delivery;
    const people = c.recipients === null ? "" : ` of ${number.format(c.recipients)}`;
    const facts = [sent === null ? "" : `${number.format(sent)}${people} sent`, rate ? `${number.format(rate)} a minute` : "",
      state === "stalled" ? `for ${number.format(Math.round(idle / 60))} min` : "",
      eta !== null && state === "active" ? `done about ${time(eta).slice(0, 16)}` : ""];
    const made = [element("span", { className: "more-info" }, element("span", { className: "badge " + (state === "stalled" ? "failed"
      : state === "completed" ? "started" : state === "active" ? "already_started" : "held") }, state), " " + facts.filter(Boolean).join(" · "))];
    if (sent !== null && c.recipients) {
      const bar = element("progress", { max: c.recipients, value: Math.min(sent, c.recipients) });
      bar.setAttribute("aria-label", `Messages sent of ${c.campaign}`);
      made.push(bar);
    }
    return made;
  };
  const rowOf = (c) => {
    const row = element("tr");
    row.setAttribute("role", "row");
    const details = [c.status === null ? "" : "HTTP " + c.status, took(c.elapsed)];
    const said = c.message || plain(c.reason);
    row.append(
      cell("Campaign", "campaign", element("bdi", {}, c.campaign), element("code", { className: "id" }, c.id),
        ...deliveryOf(c),
        ...c.tags.map((tag) => element("span", { className: "tag" }, tag)), ...linkOf(c)),
      cell("Account", "account", element("bdi", {}, c.account)),
      cell("Wave", "wave", element("bdi", {}, c.wave)),
      cell("Outcome", "outcome", element("div", {}, element("span", { className: "badge " + c.outcome }, plain(c.outcome)),
        element("span", { className: "message" }, said))),
      cell("Attempts", "attempts", element("div", {}, String(c.attempts),
        element("span", { className: "more-info" }, details.filter(Boolean).join(" · ")))),
      cell("Sent", "sent", time(c.sent)),
      cell("Next", "next", ...(c.next ? [element("div", {}, ...nextOf(c), ...(isOpen(c) && !boxed.has(c.id) ? [decisionOf(c)] : []))] : [])),
    );
    return row;
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(matching.length / state.size));
    state.page = Math.min(state.page, pages - 1);
    const first = state.page * state.size;
    const shown = matching.slice(first, first + state.size);
    find("rows").replaceChildren(...shown.map(rowOf));
    const whole = matching.length === campaigns.length ? "" : ` (of ${number.format(campaigns.length)})`;
    find("count").textContent = matching.length
      ? `${number.format(first + 1)} to ${number.format(first + shown.length)} of ${number.format(matching.length)} campaigns${whole}`
      : `0 campaigns${whole}`;
    find("page").textContent = `Page ${number.format(state.page + 1)} of ${number.format(pages)}`;
    find("previous").disabled = state.page === 0;
    find("next").disabled = state.page === pages - 1;
    document.querySelector(".pager").hidden = pages === 1;
    find("table").hidden = matching.length === 0;
    find("empty").hidden = matching.length !== 0;
  };
  const refresh = () => {
    const wanted = find("search").value.trim().toLowerCase();
    const [outcome, account, wave, tag, delivered] = FILTERS.map((name) => find(name)?.value ?? "");
    matching = campaigns.filter((c) => (!outcome || c.outcome === outcome) && (!account || c.account === account)
      && (!wave || c.wave === wave) && (!tag || c.tags.includes(tag))
      && (!delivered || (c.delivery?.state ?? "none") === delivered) && c.haystack.includes(wanted));
    if (hasOpened) {
      const sort = state.sort === "plan" ? "" : (state.down ? "-" : "") + state.sort;
      keep({ search: find("search").value.trim(), outcome, account, wave, tag, delivered, sort });
    }
    const order = ORDERS[state.sort];
    matching.sort((a, b) => (state.down ? order(b, a) : order(a, b)) || a.place - b.place);
    state.page = 0;
    show();
  };
  const sortBy = (name, down) => {
    state.sort = name;
    state.down = down;
    find("sort").value = name;
    for (const heading of document.querySelectorAll("th[data-sort]")) {
      const own = heading.dataset.sort === name;
      heading.setAttribute("aria-sort", own ? (down ? "descending" : "ascending") : "none");
    }
    refresh();
  };

  for (const heading of document.querySelectorAll("th[data-sort]")) {
    heading.firstElementChild.addEventListener("click", () => {
      const name = heading.dataset.sort;
      sortBy(name, state.sort === name && !state.down);
    });
  }
  const clear = () => { document.querySelector(".filters").reset(); };
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  document.querySelector(".filters").addEventListener("reset", () => setTimeout(() => sortBy("plan", false)));
  find("clear").addEventListener("click", () => { clear(); find("search").focus(); });
  find("search").addEventListener("input", refresh);
  for (const name of FILTERS) find(name)?.addEventListener("change", refresh);
  find("sort").addEventListener("change", (event) => sortBy(event.target.value, false));
  const turn = (by) => { state.page += by; show(); find("table").scrollIntoView({ block: "nearest" }); };
  find("previous").addEventListener("click", () => turn(-1));
  find("next").addEventListener("click", () => turn(1));
  for (const link of document.querySelectorAll("a[data-outcome]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const select = find("outcome");
      const wanted = link.dataset.outcome;
      select.value = [...select.options].some((option) => option.value === wanted) ? wanted : "";
      refresh();
      find("campaigns").scrollIntoView();
      select.focus({ preventScroll: true });
    });
  }
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      find("search").focus();
    }
    if (event.key === "Escape" && document.activeElement === find("search")) {
      find("search").value = "";
      refresh();
    }
  });
  // Paper has no pages to turn: it gets every matching row, as long as that stays a sensible stack.
  window.addEventListener("beforeprint", () => { state.size = MOST_PRINTED; state.page = 0; show(); });
  window.addEventListener("afterprint", () => { state.size = PAGE; show(); });

  // What is shown, as a file.
  const iso = (at) => (at === null ? "" : new Date(at).toISOString());
  const isFollowed = campaigns.some((c) => c.delivery);
  const deliveryColumns = (c) => (isFollowed ? { delivery_state: c.delivery?.state ?? null, delivery_sent: c.delivery?.sent ?? null,
    delivery_per_minute: c.delivery?.rate ?? null, delivery_stalled_for_s: c.delivery?.idle ?? null,
    delivery_eta: iso(c.delivery?.eta ?? null) || null, delivery_read_at: iso(c.delivery?.read ?? null) || null } : {});
  const asObject = (c) => ({ account: c.account, stream: c.stream, campaign: c.cid, name: c.name, wave: c.wave,
    tags: c.tags.join(" "), outcome: c.outcome, reason: c.reason, message: c.message, attempts: c.attempts,
    sent_at: iso(c.sent) || null, http_status: c.status, elapsed_ms: c.elapsed, recipients: c.recipients, ...deliveryColumns(c), next: c.next || null });
  find("save-csv").addEventListener("click", () => {
    const objects = matching.map(asObject);
    const columns = Object.keys(asObject(campaigns[0]));
    saveFile(`${run.launch}.csv`, "text/csv", csv([columns, ...objects.map((o) => columns.map((n) => harmless(o[n])))]));
  });
  find("save-json").addEventListener("click", () => {
    const shown = { ...run, view: Object.fromEntries(address()), campaigns: matching.map(asObject) };
    saveFile(`${run.launch}.json`, "application/json", JSON.stringify(shown, null, 2));
  });
  find("copy-address").addEventListener("click", async () => {
    await copyText(location.href);
    find("said").textContent = "Copied: " + location.href;
  });

  // What a person decides about unknown campaigns: a file for `resolve --from`, or its commands.
  const isOpen = (c) => c.outcome === "unknown" && c.next.includes(" --as started ");
  const open = campaigns.filter(isOpen);
  // Those that the list above has no room for are decided in their rows of the table.
  const boxed = new Set([...document.querySelectorAll(".case")].map((box) => box.dataset.key));
  const decisions = new Map();
  const shell = (word) => "'" + word.replaceAll("'", "'\"'\"'") + "'";
  const commandOf = (c) => {
    const { word, reason } = decisions.get(c.id);
    return c.next.split("\n").find((line) => line.includes(` --as ${word} `)) + " " + shell(reason);
  };
  const isDecided = (c) => Boolean(decisions.get(c.id)?.word && decisions.get(c.id).reason.trim());
  const showDecided = () => {
    const done = open.filter(isDecided).length;
    const others = campaigns.filter((c) => c.outcome === "unknown").length - open.length;
    const rest = others ? `; ${number.format(others)} more: run again first` : "";
    find("decided").textContent = `${number.format(done)} of ${number.format(open.length)} decided${rest}`;
    find("copy-decisions").disabled = find("save-decisions").disabled = done === 0;
  };
  const decisionOf = (c) => {
    const made = decisions.get(c.id) ?? { word: "", reason: "" };
    decisions.set(c.id, made);
    const choice = (word, label) => {
      const radio = element("input", { type: "radio", name: "decision " + c.id, value: word, checked: made.word === word });
      radio.addEventListener("change", () => { made.word = word; showDecided(); });
      return element("label", {}, radio, " " + label);
    };
    const reason = element("input", { type: "text", value: made.reason, placeholder: "what you saw", autocomplete: "off" });
    reason.setAttribute("aria-label", `Reason for ${c.campaign}`);
    reason.addEventListener("input", () => { made.reason = reason.value; showDecided(); });
    return element("fieldset", { className: "decide-one" },
      element("legend", {}, "Did it start?", element("span", { className: "quiet" }, ` (${c.campaign})`)),
      choice("started", "started"), choice("not-started", "not started"), reason);
  };
  if (open.length && find("decide")) {
    const byKey = new Map(open.map((c) => [c.id, c]));
    for (const box of document.querySelectorAll(".case")) {
      if (byKey.has(box.dataset.key)) box.append(decisionOf(byKey.get(box.dataset.key)));
    }
    // No file of theirs is read by a spreadsheet first: reasons stay as they were written.
    find("save-decisions").addEventListener("click", () => {
      const lines = open.map((c) => [c.stream, c.cid, isDecided(c) ? decisions.get(c.id).word : "",
        isDecided(c) ? decisions.get(c.id).reason.trim() : "", harmless(c.account), harmless(c.name)]);
      saveFile("decisions.csv", "text/csv", csv([["stream", "campaign", "decision", "reason", "account", "name"], ...lines]));
    });
    find("copy-decisions").addEventListener("click", async () => {
      const lines = open.filter(isDecided).map(commandOf);
      await copyText(lines.join("\n"));
      find("said").textContent = `Copied ${lines.length} command${lines.length === 1 ? "" : "s"}`;
    });
    const first = open[0].next.split("\n")[0];
    const resolveAll = first.replace(` ${open[0].id}`, "").replace(" --as started --reason", " --from decisions.csv");
    find("decide-how").append("Decide below, save, then run ", element("code", {}, resolveAll));
    find("decide").hidden = false;
    showDecided();
  }

  // Open with what the address says, and follow it.
  const follow = () => {
    const wanted = address();
    find("search").value = wanted.get("search") ?? "";
    for (const name of FILTERS) {
      const select = find(name);
      if (select) select.value = [...select.options].some((o) => o.value === wanted.get(name)) ? wanted.get(name) : "";
    }
    const sort = wanted.get("sort") ?? "plan";
    const name = sort.replace(/^-/, "");
    sortBy(Object.hasOwn(ORDERS, name) ? name : "plan", sort.startsWith("-"));
  };
  window.addEventListener("hashchange", () => { if (location.hash.includes("=")) follow(); });
  app.hidden = false;
  follow();
  hasOpened = true;
})();
