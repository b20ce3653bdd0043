"""Commands whose help has examples, exit codes and a page, fits the terminal, and names what a wrong word may mean."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from orchestrator.cli.catalogue import FOREIGN

_PAGES: Final = Path(__file__).parents[2]
"""The folder that the pages' paths begin in, where there are pages: a clone's, or an unpacked sdist's."""
_WIDEST: Final = 100
_NARROWEST: Final = 38
_ALIKE: Final = 0.7
"""How like two options must be. click's own 0.6 takes --selct for --help."""
_WORD: Final = re.compile(r"(?:[^\s']|'[^']*')+")
"""A word of a command line; a quoted text is a part of one."""
_HYPHEN: Final = re.compile(r"(?<=\w)-(?=\w)")
_WHOLE: Final = "\u2011"
"""A hyphen that no line ends at."""


class Formatter(click.HelpFormatter):
    """Fits a terminal of 40 to 100 columns. click's own needs 50."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        if width is None:
            from shutil import get_terminal_size

            width = max(min(get_terminal_size().columns, max_width or _WIDEST) - 2, _NARROWEST)
        super().__init__(indent_increment, width)

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Wrap the program's name, too, where it fills the line."""
        line = f"{prefix or 'Usage: '}{prog} {args}"
        if len(line) <= self.width:
            self.write(f"{line.rstrip()}\n")
        else:
            from textwrap import fill

            self.write(fill(line, self.width, subsequent_indent=" " * 4, break_on_hyphens=False) + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Leave most of a narrow terminal to the second column."""
        whole = [(first, _HYPHEN.sub(_WHOLE, second)) for first, second in rows]
        super().write_dl(whole, min(col_max, self.width * 2 // 5), col_spacing)

    def write_text(self, text: str) -> None:
        """Keep words such as `--max-starts` whole at the end of a line: half of one is no option."""
        super().write_text(_HYPHEN.sub(_WHOLE, text))

    def getvalue(self) -> str:
        """The text, with hyphens as they are typed."""
        return super().getvalue().replace(_WHOLE, "-")


class _Context(click.Context):
    formatter_class = Formatter


class _Documented(click.Command):
    context_class = _Context

    def __init__(
        self, *args: Any, page: str, examples: tuple[str, ...], exits: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.page, self.examples, self.exits = page, examples, dict(exits or {})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options. Raises click.UsageError with the likeliest ones for an unknown name."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from difflib import get_close_matches

            meant = get_close_matches(error.option_name, error.possibilities or (), 3, _ALIKE)
            raise click.UsageError(_no_such("option", error.option_name, meant), error.ctx) from None

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write("".join(_lines(f"{_program(ctx)} {example}", formatter)))
        self.format_options(ctx, formatter)
        if self.exits:
            with formatter.section("Exit codes"):
                formatter.write_dl(list(self.exits.items()))
        # A package that was installed has no pages: a line that leads nowhere is worse than none.
        if (_PAGES / self.page).is_file():
            formatter.write_paragraph()
            formatter.write(f"More: {self.page}\n")

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _help_wanted
        return option


class Command(_Documented):
    """A command with its page, at least two examples, and the exit codes that matter to its callers."""


class Group(_Documented, click.Group):
    """Commands under one name, with what belongs to one command, too."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named. Raises click.UsageError with the likeliest ones for an unknown name."""
        word = args[0]
        if ctx.resilient_parsing or word.startswith("-") or self.get_command(ctx, word) is not None:
            return super().resolve_command(ctx, args)
        raise click.UsageError(_no_such("command", word, self._meant(ctx, word)), ctx)

    def _meant(self, ctx: click.Context, word: str) -> Iterable[str]:
        from difflib import get_close_matches

        if ctx.parent is None and word.lower() in FOREIGN:
            return FOREIGN[word.lower()]
        known = self.list_commands(ctx)
        return [name for name in known if name == word.lower()] or get_close_matches(word.lower(), known, 3)


class Number(click.FloatRange):
    """A number between two others, or from one on, whose help has no formula."""

    name = "number"

    def _describe_range(self) -> str:
        return f"{self.min:g} or more" if self.max is None else f"{self.min:g} to {self.max:g}"


class Count(click.IntRange):
    """The same for whole numbers."""

    name = "whole number"

    def _describe_range(self) -> str:
        return f"{self.min} or more" if self.max is None else f"{self.min} to {self.max}"


def _no_such(kind: str, word: str, meant: Iterable[str]) -> str:
    hint = " or ".join(map(repr, meant))
    return f"No such {kind} {word!r}." + (f" Did you mean {hint}?" if hint else "")


def documented(
    name: str,
    *,
    page: str,
    examples: tuple[str, ...],
    exits: Mapping[str, str] | None = None,
    cls: type[Command] = Command,
) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command. `page` is relative to the repository; `examples` are without the program's name."""
    return click.command(name, cls=cls, page=page, examples=examples, exits=exits)


def show_help(text: str) -> None:
    """Print a help text, by a pager where it does not fit the terminal."""
    if not sys.stdout.isatty():  # before the import, which takes longer than all the rest
        click.echo(text)
        return
    from orchestrator.console.render import echo_paged

    echo_paged(f"{text}\n", os.environ)


def _help_wanted(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value and not ctx.resilient_parsing:
        show_help(ctx.get_help())
        ctx.exit()


def _program(ctx: click.Context) -> str:
    return ctx.find_root().info_name or ""


def _lines(command: str, formatter: click.HelpFormatter) -> Iterator[str]:
    """A command in lines that a shell reads as one."""
    indent = " " * formatter.current_indent
    line = indent
    for word in _WORD.findall(command):
        if line.strip() and len(line) + len(word) + 3 > formatter.width:
            yield f"{line} \\\n"
            line = f"{indent}  {word}"
        else:
            line = f"{line} {word}" if line.strip() else f"{line}{word}"
    yield f"{line}\n"
