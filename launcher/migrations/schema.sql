-- Revision 0010. Written by the migrations; never edited by hand.

CREATE TABLE alembic_version (version_num TEXT NOT NULL PRIMARY KEY);

CREATE TABLE users (
    id INTEGER NOT NULL PRIMARY KEY,
    username TEXT COLLATE NOCASE NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'editor', 'viewer')),
    locale TEXT NOT NULL,
    theme TEXT NOT NULL CHECK (theme IN ('system', 'light', 'dark')),
    home_board_id INTEGER,
    open_new_tab BOOLEAN NOT NULL CHECK (open_new_tab IN (0, 1)),
    is_active BOOLEAN NOT NULL CHECK (is_active IN (0, 1)),
    created_at DATETIME NOT NULL,
    last_seen_at DATETIME, counts_launches BOOLEAN NOT NULL DEFAULT 1
    CHECK (counts_launches IN (0, 1)), has_shortcuts BOOLEAN NOT NULL DEFAULT 1
    CHECK (has_shortcuts IN (0, 1)),
    CONSTRAINT users_home_board
        FOREIGN KEY (home_board_id) REFERENCES boards (id) ON DELETE SET NULL
);

CREATE TABLE sign_in_failures (
    subject TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE boards (
    id INTEGER NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'members', 'public')),
    owner_id INTEGER,
    position INTEGER NOT NULL,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    revision INTEGER NOT NULL, density TEXT NOT NULL DEFAULT 'comfortable'
    CHECK (density IN ('comfortable', 'compact')), columns INTEGER NOT NULL DEFAULT 0
    CHECK (columns BETWEEN 0 AND 8), is_home BOOLEAN NOT NULL DEFAULT 0
    CHECK (is_home IN (0, 1)),
    FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE SET NULL
);

CREATE TABLE sections (
    id INTEGER NOT NULL PRIMARY KEY,
    board_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    is_collapsed BOOLEAN NOT NULL CHECK (is_collapsed IN (0, 1)),
    FOREIGN KEY (board_id) REFERENCES boards (id) ON DELETE CASCADE
);

CREATE INDEX sections_board ON sections (board_id, position);

CREATE TABLE media (
    id INTEGER NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    mime TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    created_at DATETIME NOT NULL,
    content BLOB NOT NULL
);

CREATE TABLE apps (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT COLLATE NOCASE NOT NULL,
    description TEXT NOT NULL,
    url TEXT NOT NULL,
    url_local TEXT NOT NULL,
    icon TEXT NOT NULL,
    icon_media_id INTEGER,
    letters TEXT NOT NULL,
    hue INTEGER CHECK (hue BETWEEN 0 AND 11),
    keywords TEXT NOT NULL,
    archived_at DATETIME,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    revision INTEGER NOT NULL, opens TEXT NOT NULL DEFAULT 'default'
    CHECK (opens IN ('default', 'same', 'new')), is_sample BOOLEAN NOT NULL DEFAULT 0
    CHECK (is_sample IN (0, 1)), owner_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
    FOREIGN KEY (icon_media_id) REFERENCES media (id) ON DELETE SET NULL
);

CREATE INDEX apps_name ON apps (name);

CREATE INDEX apps_icon_media ON apps (icon_media_id);

CREATE TABLE placements (
    id INTEGER NOT NULL PRIMARY KEY,
    section_id INTEGER NOT NULL,
    app_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    UNIQUE (section_id, app_id),
    FOREIGN KEY (section_id) REFERENCES sections (id) ON DELETE CASCADE,
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
);

CREATE INDEX placements_app ON placements (app_id);

CREATE TABLE tags (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT COLLATE NOCASE NOT NULL UNIQUE
);

CREATE TABLE app_tags (
    app_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    PRIMARY KEY (app_id, tag_id),
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE,
    FOREIGN KEY (tag_id) REFERENCES tags (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX app_tags_tag ON app_tags (tag_id);

CREATE TABLE audit_events (
    id INTEGER NOT NULL PRIMARY KEY,
    at DATETIME NOT NULL,
    actor_id INTEGER,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    target_name TEXT NOT NULL,
    changes JSON NOT NULL,
    address TEXT NOT NULL
);

CREATE INDEX audit_events_at ON audit_events (at);

CREATE TABLE system_settings (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    site_name TEXT NOT NULL,
    default_locale TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    accent_hue INTEGER NOT NULL CHECK (accent_hue BETWEEN 0 AND 359),
    guest_access BOOLEAN NOT NULL CHECK (guest_access IN (0, 1)),
    check_interval_s INTEGER NOT NULL CHECK (check_interval_s > 0),
    backup_enabled BOOLEAN NOT NULL CHECK (backup_enabled IN (0, 1)),
    backup_cron_expression TEXT NOT NULL,
    backup_max_count INTEGER NOT NULL CHECK (backup_max_count >= 1),
    backup_keep_daily INTEGER NOT NULL CHECK (backup_keep_daily >= 0),
    backup_keep_weekly INTEGER NOT NULL CHECK (backup_keep_weekly >= 0),
    backup_keep_monthly INTEGER NOT NULL CHECK (backup_keep_monthly >= 0),
    backup_stale_after_h INTEGER NOT NULL CHECK (backup_stale_after_h >= 1),
    session_epoch TEXT NOT NULL
, backup_restore_test TEXT NOT NULL DEFAULT 'weekly'
    CHECK (backup_restore_test IN ('off', 'daily', 'weekly', 'monthly')), fetch_enabled BOOLEAN NOT NULL DEFAULT 1
    CHECK (fetch_enabled IN (0, 1)), fetch_private BOOLEAN NOT NULL DEFAULT 1
    CHECK (fetch_private IN (0, 1)), home_networks TEXT NOT NULL DEFAULT '', home_hosts TEXT NOT NULL DEFAULT '', checks_enabled BOOLEAN NOT NULL DEFAULT 1);

CREATE TABLE user_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX user_sessions_user ON user_sessions (user_id, began_at);

CREATE TABLE set_icons (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT COLLATE NOCASE NOT NULL UNIQUE,
    mime TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    content BLOB NOT NULL
);

CREATE TABLE section_folds (
    user_id INTEGER NOT NULL,
    section_id INTEGER NOT NULL,
    is_folded BOOLEAN NOT NULL CHECK (is_folded IN (0, 1)),
    PRIMARY KEY (user_id, section_id),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY (section_id) REFERENCES sections (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX section_folds_section ON section_folds (section_id);

CREATE TABLE undo_steps (
    id INTEGER NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    at DATETIME NOT NULL,
    action TEXT NOT NULL,
    facts JSON NOT NULL,
    rows JSON NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX undo_steps_user ON undo_steps (user_id, id);

CREATE TABLE last_ids (
    name TEXT NOT NULL PRIMARY KEY,
    last_id INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE user_groups (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT COLLATE NOCASE NOT NULL UNIQUE,
    created_at DATETIME NOT NULL
);

CREATE TABLE group_members (
    group_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_id),
    FOREIGN KEY (group_id) REFERENCES user_groups (id) ON DELETE CASCADE,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX group_members_user ON group_members (user_id, group_id);

CREATE TABLE board_users (
    board_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('view', 'edit')),
    PRIMARY KEY (board_id, user_id),
    FOREIGN KEY (board_id) REFERENCES boards (id) ON DELETE CASCADE,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX board_users_user ON board_users (user_id, board_id);

CREATE TABLE board_groups (
    board_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('view', 'edit')),
    PRIMARY KEY (board_id, group_id),
    FOREIGN KEY (board_id) REFERENCES boards (id) ON DELETE CASCADE,
    FOREIGN KEY (group_id) REFERENCES user_groups (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX board_groups_group ON board_groups (group_id, board_id);

CREATE TABLE launches (
    user_id INTEGER NOT NULL,
    app_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (user_id, app_id, day),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX launches_app ON launches (app_id);

CREATE TABLE "api_tokens" (
    id INTEGER NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    token_sha256 TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME,
    last_used_at DATETIME,
    last_used_from TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX api_tokens_user ON api_tokens (user_id);

CREATE TABLE "health_checks" (
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
);

CREATE TABLE "check_states" (
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
);

CREATE TABLE "probes" (
    app_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    is_up BOOLEAN NOT NULL CHECK (is_up IN (0, 1)),
    is_slow BOOLEAN NOT NULL CHECK (is_slow IN (0, 1)),
    ms INTEGER,
    code INTEGER,
    error TEXT,
    PRIMARY KEY (app_id, at),
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE "probe_hours" (
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
) WITHOUT ROWID;

CREATE TABLE "probe_days" (
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
) WITHOUT ROWID;

CREATE TABLE outages (
    app_id INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    error TEXT NOT NULL,
    facts JSON NOT NULL,
    PRIMARY KEY (app_id, started_at),
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE maintenance_windows (
    id INTEGER NOT NULL PRIMARY KEY,
    app_id INTEGER,
    days TEXT NOT NULL,
    starts_at_min INTEGER NOT NULL CHECK (starts_at_min BETWEEN 0 AND 1439),
    minutes INTEGER NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
);

CREATE INDEX maintenance_windows_app ON maintenance_windows (app_id);

CREATE TABLE checks_run (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    paused_until DATETIME,
    paused_by TEXT NOT NULL,
    offline_since DATETIME,
    written_at DATETIME,
    cost JSON NOT NULL
);
