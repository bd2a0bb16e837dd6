"""Files made to break what reads them, as a property: a draft or a reason, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from launcher.catalogue.entries import AppEntries
from launcher.catalogue.errors import FieldsRefusedError, Unfit
from launcher.importing.draft import TITLE_MAX, DraftApp, Source, UnreadableFileError
from launcher.importing.reading import guess, read
from tests.support.imports import SAMPLES, sample

_odd = st.sampled_from(
    [
        "http://a/", "http://[::1", "http://a:99999999/", "javascript:1", "http://\u2100.example",
        "http://a\\b/", "http://xn--\u00df/", "data:image/png;base64,\u00e9", "&#xd800;",
        "&#99999999999;", "\ud800", "\0", "\u202e", "\ufeff", "\u2028", "{{A}}", "${A}",
        "http://u:p@a/", "x" * 3_000, "null", "~", "&a", "*a", "<<", "!!python/name:os.system",
        "- a", "'", '"', "\t", "http://a/\u0007", "\u00a0", "\u200b",
    ]
)  # fmt: skip
_value = _odd | st.text(max_size=12)
_PIECES = [
    '<DT><A HREF="%s" TAGS="%s">%s</A>', "<DD>%s", "<DT><H3>%s</H3><DL><p>", "</DL>", "<!-- %s",
    "<A %s='%s'", "- %s:\n", "    - %s:\n", "        href: %s\n", "        icon: '%s'\n",
    "  - name: %s\n", "services:\n", "sections:\n", "    items:\n", "      - url: %s\n",
    "      - { title: %s, url: '%s' }\n", "a: &a [%s]\n", "b: *a\n", "<<: *a\n",
    '[{"title": "%s", "url": "%s"}', ', "description": %s', "]", "}", "name,url\n", '%s,"%s"\n',
    "%s;%s\n", "sep=;\n", "%s",
]  # fmt: skip


@st.composite
def _contents(draw: st.DrawFn) -> bytes:
    pieces = draw(st.lists(st.sampled_from(_PIECES), max_size=8))
    text = "".join(piece.replace("%s", draw(_value)) for piece in pieces)
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-16-le"]))
    return text.encode(encoding, "surrogatepass") + draw(st.binary(max_size=6))


@settings(max_examples=300, deadline=None)
@given(_contents(), st.sampled_from(Source))
@example(b"", Source.CSV)
@example(b"\xff\xfe\x00", Source.BOOKMARKS)
@example(b"\xfe\xff", Source.HEIMDALL)
def test_any_file_is_read_or_refused_and_each_app_fits_into_the_form(
    content: bytes, source: Source
) -> None:
    try:
        guess(content)
        draft = read(source, content, "x")
    except UnreadableFileError:
        return
    assert draft.found_count == draft.app_count + draft.left_out_count
    for section in draft.sections:
        assert len(section.name) <= TITLE_MAX
        assert section.apps
    for app in draft.apps:
        assert app.name
        refused = _refused_by_the_form(app)
        assert refused.keys() <= {"url", "url_local"}
        assert set(refused.values()) <= _JUDGED_WITH_THE_PLAN


_JUDGED_WITH_THE_PLAN = {Unfit.CHARACTERS, Unfit.URL_INCOMPLETE, Unfit.URL_PASSWORD}


def _refused_by_the_form(app: DraftApp) -> dict[str, Unfit]:
    tags = ", ".join(app.tags)
    typed = AppEntries(app.name, app.url, app.url_local, app.description, tags, app.keywords)
    try:
        typed.checked()
    except FieldsRefusedError as error:
        return {name: each.reason for name, each in error.fields.items()}
    return {}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_that_ends_anywhere_is_read_or_refused(name: str) -> None:
    content = sample(name)
    for end in range(0, len(content), 7):
        try:
            read(SAMPLES[name], content[:end], name)
        except UnreadableFileError:
            continue


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_a_sample_in_another_encoding_is_the_same(name: str, encoding: str) -> None:
    content = sample(name)
    again = content.decode("utf-8-sig").encode(encoding)
    assert read(SAMPLES[name], again) == read(SAMPLES[name], content)
