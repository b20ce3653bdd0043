"""A problem of an input file as a compiler prints it: the place, the line itself, and a caret under the column."""

import click

from orchestrator.console.terminal import plain
from orchestrator.core.visible import visible, width
from orchestrator.errors import Problem


def text_of(problem: Problem, *, in_color: bool = False) -> str:
    """What is wrong and where, the line as it was read, and under its place a caret with the value."""
    sentence = plain(str(problem))
    if in_color:
        place = len(plain(problem.place))
        sentence = click.style(sentence[:place], bold=True) + sentence[place:]
    read = plain(problem.value)
    if not problem.caret:
        return f"{sentence}\n  read: {read}" if read else sentence
    number = str(problem.line)
    indent = " " * width(plain(visible(problem.source[: problem.caret - 1])))
    caret = click.style("^", fg="red", bold=True) if in_color else "^"
    return "\n".join((
        sentence,
        f"  {number} | {plain(visible(problem.source))}".rstrip(),
        f"  {' ' * len(number)} | {indent}{caret} {read}".rstrip(),
    ))  # fmt: skip
