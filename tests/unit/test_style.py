"""What people read has none of the retired words. docs/style.md says what to write instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from babel.messages.pofile import read_po

from launcher.app import create_app

ROOT = Path(__file__).parents[2]

RETIRED = [
    # Persons
    r"whoever", r"nobody", r"somebody", r"everybody", r"those who", r"their kin", r"one's",
    # Verbs that are no name for what happens
    r"tells?", r"telling", r"told", r"hears? of", r"wish(es|ed)?",
    r"makes?", r"making", r"made", r"beg[iau]n", r"begins",
    r"prove[sdn]?", r"proof", r"rehears\w+",
    r"br(ing|ings|inging|ought)", r"look(s|ed|ing)? (at|into|inside|again|after)", r"needs a look",
    r"clear(s|ed|ing)? (out|away|up)", r"clean-?up", r"put off",
    r"put (it |that |them )?(right|back)",
    r"see (that|to)", r"go(es)? on", r"goes", r"lies", r"stays?(?! signed)", r"set anew",
    r"backups? (is|are|was|were) taken", r"taken (by|from|in|over|through|when|before|off)",
    r"cannot be taken", r"(raise|until) the alarm", r"alarms?", r"does not count", r"do not count",
    # Words of place, time and manner
    r"anew", r"of late", r"by (itself|themselves)", r"by hand", r"meanwhile", r"any more",
    r"in any way", r"like that", r"in passing", r"of now", r"password now", r"whole(?! numbers?)",
    r"cut short",
    # Things that have another name
    r"troubles?", r"folder of backups", r"half-(made|done)", r"slots?", r"notices?(?! that)",
    r"live (data|databases?)", r"leave everything", r"as it is kept",
    r"nothing of yours", r"(a|this|newer|older|another) Launcher",
    # Short forms
    r"\w+n't", r"(it|that|there|what)'s",
]  # fmt: skip
WORDS = re.compile(r"(?<![\w/.-])(?:" + "|".join(RETIRED) + r")(?![\w/])")
MARKS = re.compile(r"; |;$| [\u2013\u2014-] |\bmust\b")
"""What no sentence on a page or in a terminal has, beside the words."""
CODE = re.compile(r"```.*?```|`[^`]*`|“flask [^”]*”|https?://\S+|\]\([^)]*\)|%\(\w+\)s", re.DOTALL)

MARKUP = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", re.DOTALL)


def found(text: str, *, on_page: bool = True) -> list[str]:
    """Return the retired words and marks in a text; quoted code and capitals of SQL are none."""
    plain = re.sub(r"\b[A-Z](?=[a-z])", lambda m: m.group().lower(), CODE.sub("x", text))
    plain = plain.replace("launcher", "Launcher").replace("\u2019", "'")
    hits = [m.group() for m in WORDS.finditer(plain)]
    return hits + [m.group() for m in MARKS.finditer(plain)] if on_page else hits


def messages() -> Iterator[str]:
    with (ROOT / "translations" / "messages.pot").open("rb") as file:
        catalogue = read_po(file)
    for message in catalogue:
        if message.id:
            yield from [message.id] if isinstance(message.id, str) else message.id


def literals() -> Iterator[str]:
    """Yield the sentences in the sources that are not documentation of the code itself."""
    for path in sorted((ROOT / "launcher").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        inner = {
            id(part)
            for node in ast.walk(tree)
            for part in ([node.value] if isinstance(node, ast.Expr) else [])
            + (node.values if isinstance(node, ast.JoinedStr) else [])
        }
        for node in ast.walk(tree):
            if id(node) in inner:
                continue
            if isinstance(node, ast.JoinedStr):
                yield "".join(
                    str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def templates() -> Iterator[str]:
    """Yield the text of the templates that is not in a message."""
    for path in sorted((ROOT / "launcher" / "templates").rglob("*.html")):
        text = MARKUP.sub("\n", path.read_text("utf-8"))
        yield from (line.strip() for line in text.splitlines())


def commands(command: click.Command, name: str = "flask") -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all below it, also those that are imported when they are called."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            child = command.get_command(context, each)
            if child:
                yield from commands(child, f"{name} {each}")


def helps(command: click.Command) -> Iterator[str]:
    for _name, each in commands(command):
        yield each.help or ""
        for option in each.params:
            yield getattr(option, "help", None) or ""


def _on_one_line(texts: Iterable[str]) -> set[str]:
    return {" ".join(text.split()) for text in texts}


@cache
def odd_sentences() -> dict[str, list[str]]:
    """Return what pages, commands and the core say with a retired word, with what is wrong."""
    shown = _on_one_line([*messages(), *helps(create_app().cli)])
    inner = _on_one_line(text for text in [*literals(), *templates()] if " " in text.strip())
    inner = {text for text in inner if not re.match("(INSERT|UPDATE|DELETE) ", text)}
    odd = {text: found(text, on_page=text in shown) for text in shown | inner}
    return {text: hits for text, hits in odd.items() if hits}


def documents() -> list[Path]:
    return [
        *sorted(ROOT.glob("docs/*.md")),
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *sorted(path for path in (ROOT / "deploy").iterdir() if path.is_file()),
    ]


def test_no_sentence_of_a_page_or_a_command_has_a_retired_word() -> None:
    assert odd_sentences() == {}


def test_each_command_says_in_one_short_line_what_it_does() -> None:
    first_lines = {
        name: " ".join((each.help or "").strip().split("\n\n")[0].split())
        for name, each in commands(create_app().cli)
    }
    assert len(first_lines) > 60
    assert {name: line for name, line in first_lines.items() if len(line) > 60} == {}


def test_no_document_has_a_retired_word() -> None:
    odd = {}
    for path in documents():
        if hits := found(path.read_text("utf-8"), on_page=False):
            odd[path.name] = hits
    assert odd == {}


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("Nobody is told when backups stop", ["nobody", "told"]),
        ("Backups don't run", ["don't"]),
        ("A backup is created - at once; wait", [" - ", "; "]),
        ("Enter a whole number.", []),
        ("Run `make demo` first.", []),
        ("BEGIN IMMEDIATE", []),
    ],
)
def test_a_retired_word_is_found_and_a_name_is_not(text: str, hits: list[str]) -> None:
    assert found(text) == hits
