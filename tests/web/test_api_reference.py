"""The API describes itself: to programs as OpenAPI, to people as a page."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from schemathesis.specs.openapi import definitions

from launcher.api import openapi
from launcher.api.door import DOORS, Door
from launcher.api.examples import RESULTS
from launcher.api.links import LINKS
from launcher.api.problems import PROBLEMS
from tests.support.api import ROOT, Program
from tests.web.visitor import Visitor

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
NAME = re.compile(r"[A-Z][A-Za-z]+")


def by_name(door: Door) -> str:
    return door.name


@pytest.fixture
def page(app: Flask) -> str:
    answer = app.test_client().get(f"{ROOT}/", headers={"Accept": BROWSER})
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    return answer.text


@pytest.fixture
def description(app: Flask) -> Mapping[str, Any]:
    return Program(app).description


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


# For people


def test_signed_out_the_sentence_on_tokens_leads_to_their_page(page: str) -> None:
    assert re.search(r'<a href="/admin/tokens">An admin creates it', page)


def test_a_long_name_breaks_between_its_words(page: str) -> None:
    assert "<code>facts.<wbr>last_<wbr>good_<wbr>id</code>" in page


@pytest.mark.parametrize("name", ["restore_backup", "undo_restore"])
def test_the_command_of_a_restore_has_the_tag_of_the_plan(page: str, name: str) -> None:
    found = re.search(rf'id="{name}-curl">(curl[^<]*)<', page)
    assert found
    assert f"""-H 'If-Match: "{RESULTS["get_plan"]["tag"]}"'""" in html.unescape(found[1])


@pytest.mark.parametrize("door", DOORS, ids=by_name)
def test_the_page_shows_each_call_with_a_command_to_paste(page: str, door: Door) -> None:
    start = page.index(f'<article class="door" id="{door.name}"')
    shown = page[start : page.index("</article>", start)]
    found = re.search(r'-curl">(curl[^<]*)<', shown)
    assert found
    command = html.unescape(found[1])
    assert f"http://localhost{ROOT}/" in command
    assert "{" not in command.partition("-d ")[0]
    assert (f"-X {door.method}" in command) is (door.method != "GET")
    for code in set(openapi.codes_of(door)) - openapi.COMMON:
        assert f'href="#{code}"' in shown


@pytest.mark.parametrize("door", DOORS, ids=by_name)
def test_the_page_shows_what_each_parameter_may_be(
    page: str, description: Mapping[str, Any], door: Door
) -> None:
    start = page.index(f'<article class="door" id="{door.name}"')
    shown = html.unescape(page[start : page.index("</article>", start)]).replace("<wbr>", "")
    for each in description["paths"][door.path][door.method.lower()].get("parameters", ()):
        if each["in"] == "header":
            continue
        row = shown[shown.index(f'<th scope="row"><code>{each["name"]}</code>') :]
        row, schema = row[: row.index("</tr>")], each["schema"]
        if "minimum" in schema:
            assert f"From {schema['minimum']} to {schema['maximum']}." in row
        if "maxLength" in schema:
            assert f"At most {schema['maxLength']} characters." in row
        if "pattern" in schema:
            assert f"<code>{schema['pattern']}</code>" in row
        if (default := schema.get("default")) not in (None, ""):
            text = default if isinstance(default, str) else json.dumps(default)
            assert f"Default: <code>{text}</code>" in row


def test_each_problem_has_its_place_there(page: str) -> None:
    ids = Counter(re.findall(r'\bid="([^"]+)"', page))
    assert set(PROBLEMS) <= ids.keys()
    assert not [name for name, count in ids.items() if count > 1]
    assert {name.removeprefix("#") for name in re.findall(r'href="(#[^"]+)"', page)} <= ids.keys()


def test_the_type_of_a_problem_leads_there(app: Flask, page: str) -> None:
    kind = Program(app)("GET", "/status").json["type"]
    path, _, place = kind.partition("#")
    assert path == f"{ROOT}/"
    assert f'id="{place}"' in page


def test_an_admin_reads_it_within_administration(ada: Visitor) -> None:
    page = ada.client.get(f"{ROOT}/", headers={"Accept": BROWSER}).text
    assert 'aria-label="Administration"' in page


@pytest.mark.parametrize(
    ("accepted", "status", "mimetype"),
    [
        (BROWSER, 200, "text/html"),
        ("*/*", 200, "application/json"),
        ("", 200, "application/json"),
        ("application/json", 200, "application/json"),
        ("application/json;q=0.1, text/html", 200, "text/html"),
        ("image/png", 406, "application/problem+json"),
    ],
)
def test_the_root_answers_people_with_the_page_and_programs_with_the_description(
    app: Flask, accepted: str, status: int, mimetype: str
) -> None:
    answer = app.test_client().get(f"{ROOT}/", headers={"Accept": accepted} if accepted else {})
    assert (answer.status_code, answer.mimetype) == (status, mimetype)


@pytest.mark.parametrize("path", ["/", "/openapi.json"])
def test_what_describes_the_api_can_only_be_read(app: Flask, path: str) -> None:
    program = Program(app)
    answer = program("DELETE", path)
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == program("OPTIONS", path).headers["Allow"]
    assert program("HEAD", path).data == b""


# For programs


def test_a_program_that_has_the_description_gets_it_no_second_time(app: Flask) -> None:
    client, path = app.test_client(), f"{ROOT}/openapi.json"
    answer = client.get(path)
    assert answer.headers["Cache-Control"] == "no-cache"
    tag = answer.headers["ETag"]
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert client.get(path, headers={"If-None-Match": '"other"'}).json == answer.json


def test_it_is_a_document_of_openapi_3_1_with_schemas_of_json_schema(
    description: Mapping[str, Any],
) -> None:
    definitions.OPENAPI_31_VALIDATOR.validate(description)
    for schema in description["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def untyped(schema: Any, place: str) -> Iterator[str]:
    """Yield the place of each part of a schema that allows values of any type."""
    if not schema.keys() & {"type", "$ref", "anyOf"}:
        yield place
    if schema.get("type") == "object" and not schema.keys() & {"properties", "$ref"}:
        if "additionalProperties" in schema:
            yield from untyped(schema["additionalProperties"], f"{place}.*")
        else:
            yield place
    for name, each in schema.get("properties", {}).items():
        yield from untyped(each, f"{place}.{name}")
    if schema.get("type") == "array":
        yield from untyped(schema.get("items", {}), f"{place}[]")
    for each in schema.get("anyOf", ()):
        yield from untyped(each, place)


def test_each_field_has_a_type(description: Mapping[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    assert not [place for name, each in schemas.items() for place in untyped(each, name)]
    calls = [call for path in description["paths"].values() for call in path.values()]
    found = [
        place
        for call in calls
        for each in call.get("parameters", ())
        for place in untyped(each["schema"], f"{call['operationId']} {each['name']}")
    ]
    assert not found


def test_only_a_file_has_no_schema(description: Mapping[str, Any]) -> None:
    without = {
        (call["operationId"], kind)
        for path in description["paths"].values()
        for call in path.values()
        for part in (call.get("requestBody", {}), *call["responses"].values())
        for kind, content in part.get("content", {}).items()
        if not content["schema"]
    }
    files = ("application/octet-stream", "application/vnd.sqlite3")
    assert without == {
        (name, kind) for name in ("create_backup", "download_backup") for kind in files
    }


def test_each_name_that_the_description_refers_to_is_in_it(description: Mapping[str, Any]) -> None:
    for path in set(references(description)):
        found: Any = description
        for part in path.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def test_its_names_are_short_and_its_calls_have_one_each(description: Mapping[str, Any]) -> None:
    assert all(NAME.fullmatch(name) for name in description["components"]["schemas"])
    names = Counter(
        operation["operationId"]
        for path in description["paths"].values()
        for operation in path.values()
    )
    assert names == Counter(door.name for door in DOORS)


@pytest.mark.parametrize("door", DOORS, ids=by_name)
def test_each_call_says_what_it_does_needs_and_can_fail_with(
    description: Mapping[str, Any], door: Door
) -> None:
    operation = description["paths"][door.path][door.method.lower()]
    assert operation["summary"]
    assert operation["description"].endswith(".")
    assert operation["security"][0] == {"token": [door.scope.value]}
    described = {
        code
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
        for part in content["schema"].get("allOf", ())
        for code in part.get("properties", {}).get("code", {}).get("enum", ())
    }
    assert described == set(openapi.codes_of(door))


def test_its_links_lead_to_calls_with_values_that_they_take(description: Mapping[str, Any]) -> None:
    calls = {
        each["operationId"]: each
        for path in description["paths"].values()
        for each in path.values()
    }
    assert calls.keys() >= LINKS.keys()
    links = [
        link
        for call in calls.values()
        for answer in call["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) == sum(map(len, LINKS.values()))
    for link in links:
        target = calls[link["operationId"]]
        names = {each["name"] for each in target.get("parameters", ())}
        assert link.get("parameters", {}).keys() <= names, link
        assert "requestBody" not in link or "requestBody" in target, link


def test_its_bodies_have_no_unknown_fields(description: Mapping[str, Any]) -> None:
    for name in {door.body.__name__ for door in DOORS if door.body}:
        assert description["components"]["schemas"][name]["additionalProperties"] is False


@pytest.mark.parametrize("door", DOORS, ids=by_name)
def test_the_examples_are_what_the_description_allows(
    description: Mapping[str, Any], door: Door
) -> None:
    operation = description["paths"][door.path][door.method.lower()]
    answer = operation["responses"][str(door.status)]
    contents = [*answer.get("content", {}).values()]
    contents += operation.get("requestBody", {}).get("content", {}).values()
    shown = [each for each in contents if each["schema"]]
    assert len(shown) == sum(each is not None for each in (door.body, door.result))
    for each in shown:
        schema = {"components": description["components"], **each["schema"]}
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(each["example"])
        name = each["schema"]["$ref"].rpartition("/")[2]
        assert each["example"].keys() == schema["components"]["schemas"][name]["properties"].keys()


@pytest.mark.parametrize("door", [each for each in DOORS if each.begins_work], ids=by_name)
def test_the_example_of_what_has_begun_is_not_at_its_end(door: Door) -> None:
    shown = RESULTS[door.name]
    run = shown.get("run", shown)
    assert run["ended_at"] is None
    assert run.get("state", "running") == "running"
    assert run.get("outcome") is None
