"""The health checks of the process that leads: started when it is elected, stopped at its end."""

from __future__ import annotations

from collections.abc import Callable

from launcher.backup.locks import Gate
from launcher.checks.keeper import Keeper, Runs
from launcher.checks.states import Result
from launcher.config import Config
from launcher.fetching.addresses import AddressRules
from launcher.fetching.own_site import OwnSite, places_of, plain_host
from launcher.fetching.target import DEFAULT_PORTS


class HealthChecks:
    """The checks, until `close`. Nothing runs, and no event loop exists, before an app is there."""

    def __init__(self, config: Config, gate: Gate) -> None:
        self._keeper = Keeper(
            config.database_path, gate, runner_maker(config), lock_dir=config.lock_dir
        )
        self._keeper.start()

    def close(self) -> None:
        """Stop at once; within a second what was measured is written or dropped."""
        self._keeper.stop()


def runner_maker(config: Config) -> Callable[[Callable[[Result], None]], Runs]:
    """Return what makes the runner once there is something to check."""

    def make(on_result: Callable[[Result], None]) -> Runs:
        # Only the process that leads needs an event loop, and only with apps.
        from launcher.checks.probe import probe  # noqa: PLC0415
        from launcher.checks.runner import CheckRunner  # noqa: PLC0415

        rules = check_rules(config)
        return CheckRunner(lambda spec: probe(spec, rules), on_result)

    return make


def check_rules(config: Config) -> AddressRules:
    """Return what a check may connect to: the home network too, but not Launcher itself.

    Where browsers reach Launcher is known as far as `LAUNCHER_HOSTS` names it.
    """
    port = config.bind.rpartition(":")[2]
    is_port = not config.bind.startswith("unix:") and port.isdigit()
    own_ports = frozenset({int(port)} if is_port else ())
    places: set[tuple[str, int]] = set()
    for name in config.hosts:
        if not name.startswith("."):
            places.update(places_of(name, *(DEFAULT_PORTS if config.proxy_hops else ())))
            places.update((plain_host(name), each) for each in own_ports)
    site = OwnSite(frozenset(places), config.prefix)
    return AddressRules(allow_private=True, own_ports=own_ports, own_site=site)
