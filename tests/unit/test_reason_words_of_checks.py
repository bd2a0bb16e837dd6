"""Why a check failed, in words: each reason has some, whatever its facts are."""

from __future__ import annotations

import pytest
from flask import Flask

from launcher.checks.outcome import Reason
from launcher.i18n.check_labels import VERIFY
from launcher.i18n.health import public_facts, reason_words
from launcher.web.check_form import words

_SECRET = {
    "host": "nas.internal", "port": 8096, "address": "10.0.0.9", "names": ["nas.internal"],
    "issuer": "Home CA", "keyword": "Zebrafish", "detail": "WRONG", "encoding": "x",
}  # fmt: skip


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_says_what_was_wrong_and_what_to_do(app: Flask, reason: Reason) -> None:
    facts = {"limit_s": 10, "code": 502, "limit": 10, "date": "2026-11-20T00:00:00+00:00"}
    with app.test_request_context():
        full, bare = reason_words(reason, facts | _SECRET), reason_words(reason, {"code": 502})
        public = reason_words(reason, public_facts(facts | _SECRET))

    for what, way in (full, bare):
        assert what
        assert not what.endswith(".")
        assert way.endswith(".")
    assert not any(
        str(_SECRET[name]) in public[0] for name in ("host", "port", "address", "keyword")
    )


def test_the_words_name_what_is_known(app: Flask) -> None:
    with app.test_request_context():
        assert reason_words("refused", {"port": 8096})[0].endswith("listens on port 8096")
        assert reason_words("http_code", {"code": 502})[0].startswith("502 Bad Gateway: the proxy")
        assert reason_words("http_code", {"code": 404})[0] == "404 Not Found"
        assert reason_words("tls_expired", {"date": "2026-11-20T00:00:00+00:00"})[0].endswith(
            "20 November"
        )
        for reason in ("tls_untrusted", "tls_name"):  # by the words of the control
            way = reason_words(reason, {})[1]
            assert f"choose “{VERIFY['never']}” under “{words.LABELS['verify']}”." in way
        assert f"“{words.LABELS['follow_redirects']}”" in reason_words("redirect_refused", {})[1]
        assert reason_words("of_a_newer_version", {}) == (
            "The check failed",
            "Check that the app is running.",
        )
