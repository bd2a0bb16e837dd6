"""A full disk is no damage, and nobody should be frightened by one."""

from __future__ import annotations

from launcher.app import create_app
from launcher.current import current_backups
from tests.web.visitor import Visitor

from .conftest import SmallDisk


def test_the_pages_say_that_the_disk_is_full_and_come_back_when_there_is_room(
    small_disk: SmallDisk,
) -> None:
    app = create_app({"LAUNCHER_DATA_DIR": str(small_disk.path / "data")})
    with app.app_context():
        current_backups().initialise(by="test")
    visitor = Visitor(app)
    assert visitor.open("/login").status_code == 200
    small_disk.fill()
    assert visitor.open("/login").status_code == 507
    assert "The disk is too full" in visitor.page
    assert "damaged" not in visitor.page
    assert visitor.open("/healthz").status_code == 200
    small_disk.clear()
    assert visitor.open("/login").status_code == 200
