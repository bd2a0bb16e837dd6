"""Health checks that run: how an app is checked, outages, and maintenance"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = (
    """\
CREATE TABLE running_checks (
    app_id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('http', 'tcp', 'ping', 'sample')),
    target TEXT NOT NULL CHECK (target IN ('own', 'local', 'other')),
    url TEXT NOT NULL,
    method TEXT NOT NULL CHECK (method IN ('HEAD', 'GET')),
    headers JSON NOT NULL,
    headers_for TEXT NOT NULL,
    interval_s INTEGER CHECK (interval_s > 0),
    timeout_ms INTEGER NOT NULL CHECK (timeout_ms > 0),
    accept TEXT NOT NULL,
    keyword TEXT NOT NULL,
    is_keyword_absent BOOLEAN NOT NULL CHECK (is_keyword_absent IN (0, 1)),
    verify TEXT NOT NULL CHECK (verify IN ('public', 'always', 'never')),
    ca_pem TEXT NOT NULL,
    follow_redirects BOOLEAN NOT NULL CHECK (follow_redirects IN (0, 1)),
    retries INTEGER NOT NULL CHECK (retries >= 0),
    slow_ms INTEGER NOT NULL CHECK (slow_ms > 0),
    is_enabled BOOLEAN NOT NULL CHECK (is_enabled IN (0, 1)),
    paused_until DATETIME,
    paused_by TEXT NOT NULL,
    is_notifying BOOLEAN NOT NULL CHECK (is_notifying IN (0, 1)),
    notify_after_min INTEGER NOT NULL CHECK (notify_after_min >= 0),
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
)""",
    """\
INSERT INTO running_checks
SELECT app_id, kind, CASE url WHEN '' THEN 'own' ELSE 'other' END, url,
    CASE keyword WHEN '' THEN 'HEAD' ELSE 'GET' END, '{}', '', interval_s,
    CASE timeout_ms WHEN 5000 THEN 10000 ELSE timeout_ms END,
    CASE accept WHEN '200-399,401,403' THEN '100-499' ELSE accept END,
    keyword, 0, CASE verify_tls WHEN 0 THEN 'never' ELSE 'public' END, '', follow_redirects,
    CASE retries WHEN 1 THEN 2 ELSE retries END, slow_ms, is_enabled, paused_until, '', 1, 5
FROM health_checks""",
    "DROP TABLE health_checks",
    "ALTER TABLE running_checks RENAME TO health_checks",
    """\
CREATE TABLE running_states (
    app_id INTEGER NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('up', 'slow', 'down', 'paused', 'unknown', 'offline')),
    since DATETIME NOT NULL,
    last_at DATETIME,
    last_ms INTEGER,
    last_code INTEGER,
    error TEXT NOT NULL,
    facts JSON NOT NULL,
    streak INTEGER NOT NULL,
    certificate JSON NOT NULL,
    certificate_until DATETIME,
    probed TEXT,
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
)""",
    """\
INSERT INTO running_states
SELECT app_id, state, since, last_at, last_ms, last_code,
    CASE error WHEN 'connection refused' THEN 'refused' ELSE error END, '{}', streak, '{}',
    NULL, NULL
FROM check_states""",
    "DROP TABLE check_states",
    "ALTER TABLE running_states RENAME TO check_states",
    """\
CREATE TABLE slow_probes (
    app_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    is_up BOOLEAN NOT NULL CHECK (is_up IN (0, 1)),
    is_slow BOOLEAN NOT NULL CHECK (is_slow IN (0, 1)),
    ms INTEGER,
    code INTEGER,
    error TEXT,
    PRIMARY KEY (app_id, at),
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
) WITHOUT ROWID""",
    """\
INSERT INTO slow_probes
SELECT app_id, at, is_up, 0, ms, code,
    CASE error WHEN 'connection refused' THEN 'refused' ELSE error END
FROM probes""",
    "DROP TABLE probes",
    "ALTER TABLE slow_probes RENAME TO probes",
    """\
CREATE TABLE slow_hours (
    app_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    probes INTEGER NOT NULL,
    up INTEGER NOT NULL,
    slow INTEGER NOT NULL,
    ms_min INTEGER,
    ms_max INTEGER,
    ms_sum INTEGER NOT NULL,
    PRIMARY KEY (app_id, at),
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
) WITHOUT ROWID""",
    """\
INSERT INTO slow_hours
SELECT app_id, at, probes, up, 0, ms_min, ms_max, ms_sum FROM probe_hours""",
    "DROP TABLE probe_hours",
    "ALTER TABLE slow_hours RENAME TO probe_hours",
    """\
CREATE TABLE slow_days (
    app_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    probes INTEGER NOT NULL,
    up INTEGER NOT NULL,
    slow INTEGER NOT NULL,
    ms_min INTEGER,
    ms_max INTEGER,
    ms_sum INTEGER NOT NULL,
    PRIMARY KEY (app_id, at),
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
) WITHOUT ROWID""",
    """\
INSERT INTO slow_days
SELECT app_id, at, probes, up, 0, ms_min, ms_max, ms_sum FROM probe_days""",
    "DROP TABLE probe_days",
    "ALTER TABLE slow_days RENAME TO probe_days",
    """\
CREATE TABLE outages (
    app_id INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    error TEXT NOT NULL,
    facts JSON NOT NULL,
    PRIMARY KEY (app_id, started_at),
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
) WITHOUT ROWID""",
    """\
CREATE TABLE maintenance_windows (
    id INTEGER NOT NULL PRIMARY KEY,
    app_id INTEGER,
    days TEXT NOT NULL,
    starts_at_min INTEGER NOT NULL CHECK (starts_at_min BETWEEN 0 AND 1439),
    minutes INTEGER NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
)""",
    "CREATE INDEX maintenance_windows_app ON maintenance_windows (app_id)",
    """\
CREATE TABLE checks_run (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    paused_until DATETIME,
    paused_by TEXT NOT NULL,
    offline_since DATETIME,
    written_at DATETIME,
    cost JSON NOT NULL
)""",
    "INSERT INTO checks_run VALUES (1, NULL, '', NULL, NULL, '{}')",
    "ALTER TABLE system_settings ADD COLUMN checks_enabled BOOLEAN NOT NULL DEFAULT 1",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
