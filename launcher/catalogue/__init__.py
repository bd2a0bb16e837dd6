"""Boards, sections and apps: who sees them, every change of them, and its undo.

Read `access` first, what each user sees and may edit, then `apps`, `places`, `sections` and
`boards`, the changes. Each function makes one change with its audit entry and its undo step,
commits, and returns a `Change`, from which doors make their sentence. `entries` reads what a person
typed; what is refused is in `errors`. An import goes from `import_draft` by `import_plan` to
`importing`. Imports `audit`, `db`, `icons`, `importing`, `models` and `extensions`.
"""
