
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

  const app = find("app");
  if (!app) return;
  const { texts, rows } = JSON.parse(find("data").textContent);
  const text = (number) => (number === null ? "" : texts[number]);
  const campaigns = rows.map((row, place) => {
    const [account, wave, outcome, reason, message, next, stream, campaign, name, attempts, sent, status, elapsed] = row;
    const made = {
      place, account: text(account), wave: text(wave), outcome: text(outcome), reason: text(reason),
      message: text(message), next: text(next), id: text(stream) + "/" + campaign, name, attempts, sent, status, elapsed,
    };
    made.campaign = made.name || made.id;
    made.haystack = [made.name, made.id, made.account, made.wave, made.reason, made.message].join("\n").toLowerCase();
    return made;
  });
  const RANK = ["unknown", "failed", "held", "skipped", "started", "already_started"];
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const ORDERS = {
    plan: (a, b) => a.place - b.place,
    campaign: (a, b) => words.compare(a.campaign, b.campaign),
    account: (a, b) => words.compare(a.account, b.account),
    wave: (a, b) => words.compare(a.wave, b.wave),
    outcome: (a, b) => RANK.indexOf(a.outcome) - RANK.indexOf(b.outcome),
    attempts: (a, b) => a.attempts - b.attempts,
    sent: (a, b) => (a.sent ?? Infinity) - (b.sent ?? Infinity) || 0,
  };
  const state = { sort: "plan", down: false, page: 0, size: PAGE };
  let matching = campaigns;

  const number = new Intl.NumberFormat("en");
  const plain = (word) => word.replaceAll("_", " ");
  const time = (at) => (at === null ? "–" : new Date(at).toISOString().slice(11, 23));

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
  const rowOf = (c) => {
    const row = element("tr");
    row.setAttribute("role", "row");
    const details = [c.status === null ? "" : "HTTP " + c.status, took(c.elapsed)];
    const said = c.message || plain(c.reason);
    row.append(
      cell("Campaign", "campaign", element("bdi", {}, c.campaign), element("code", { className: "id" }, c.id)),
      cell("Account", "account", element("bdi", {}, c.account)),
      cell("Wave", "wave", element("bdi", {}, c.wave)),
      cell("Outcome", "outcome", element("div", {}, element("span", { className: "badge " + c.outcome }, plain(c.outcome)),
        element("span", { className: "message" }, said))),
      cell("Attempts", "attempts", element("div", {}, String(c.attempts),
        element("span", { className: "more-info" }, details.filter(Boolean).join(" · ")))),
      cell("Sent (UTC)", "sent", time(c.sent)),
      cell("Next", "next", ...(c.next ? [element("div", {}, ...nextOf(c))] : [])),
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
    const outcome = find("outcome").value;
    const account = find("account").value;
    matching = campaigns.filter((c) => (!outcome || c.outcome === outcome) && (!account || c.account === account)
      && c.haystack.includes(wanted));
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
  find("outcome").addEventListener("change", refresh);
  find("account").addEventListener("change", refresh);
  find("sort").addEventListener("change", (event) => sortBy(event.target.value, false));
  const turn = (by) => { state.page += by; show(); find("table").scrollIntoView({ block: "nearest" }); };
  find("previous").addEventListener("click", () => turn(-1));
  find("next").addEventListener("click", () => turn(1));
  for (const link of document.querySelectorAll("a[data-outcome]")) {
    link.addEventListener("click", () => {
      const select = find("outcome");
      const wanted = link.dataset.outcome;
      select.value = [...select.options].some((option) => option.value === wanted) ? wanted : "";
      refresh();
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

  app.hidden = false;
  sortBy("plan", false);
})();
