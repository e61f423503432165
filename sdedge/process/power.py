"""Battery and heat, as the system tells them, and what the queue does about them: it slows down, or pauses until it is over.

Linux tells both in files under /sys/class, macOS by `pmset` and NSProcessInfo. Where nothing is told nothing is done. No torch.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path

from sdedge.process.cocoa import runtime

SYSTEM = Path("/sys/class")
RECOVERED = 0.02
"""By how much a battery's charge must have risen above the limit before the queue goes on."""
_NEAR = 5000  # thousandths of a degree below the temperature at which the system switches itself off
_PLAUSIBLE = range(1000, 150_000)  # thousandths of a degree Celsius; sensors that are not there tell others
_PMSET_SECONDS = 5


class Heat(IntEnum):
    """How hot the system says it is, by macOS's four words."""

    NOMINAL = 0
    FAIR = 1
    SERIOUS = 2
    """It slows itself down."""
    CRITICAL = 3
    """It is about to switch itself off."""


class Pace(StrEnum):
    """How pictures are drawn."""

    FULL = "full"
    SLOW = "slow"
    """After each step as long a pause as the step took."""
    PAUSE = "pause"
    """No further step."""


class HeatLimit(StrEnum):
    """What is done when it is hot."""

    OFF = "off"
    CRITICAL = "critical"
    """Pause when the system is about to switch itself off."""
    SLOW = "slow"
    """And draw slowly when the system slows itself down."""


@dataclass(frozen=True)
class PowerState:
    """What the system says now.

    charge    of the battery, 0 to 1, while it is being emptied; None on mains, and without a battery
    heat      None where the system does not say
    """

    charge: float | None = None
    heat: Heat | None = None


@dataclass(frozen=True)
class PowerPolicy:
    """When to rest.

    battery  pause while a battery is being emptied and holds less than this, 0 to 1; 0 is never
    heat     what to do when it is hot
    """

    battery: float = 0.2
    heat: HeatLimit = HeatLimit.CRITICAL


class Cause(StrEnum):
    """Why pictures are drawn at another pace."""

    BATTERY = "battery"
    HEAT = "heat"


@dataclass(frozen=True)
class Rest:
    """How pictures are drawn for now, and why, also in a sentence; "" at full pace."""

    pace: Pace = Pace.FULL
    cause: Cause | None = None
    reason: str = ""


def decide(policy: PowerPolicy, state: PowerState, before: Rest) -> Rest:
    """Returns how to draw in a state of the system, where it was `before`: a pause ends when its cause is over by a margin."""
    cause = before.cause if before.pace is Pace.PAUSE else None
    limit = policy.battery + RECOVERED if policy.battery and cause is Cause.BATTERY else policy.battery
    if state.charge is not None and state.charge < limit:
        if cause is Cause.BATTERY:
            return before  # not another sentence for each per cent
        return Rest(Pace.PAUSE, Cause.BATTERY, _low(state.charge, policy.battery + RECOVERED))
    if state.heat is None or policy.heat is HeatLimit.OFF:
        return Rest()
    if state.heat >= Heat.CRITICAL or (cause is Cause.HEAT and state.heat >= Heat.SERIOUS):
        return Rest(Pace.PAUSE, Cause.HEAT, _TOO_HOT)
    if state.heat >= Heat.SERIOUS and policy.heat is HeatLimit.SLOW:
        return Rest(Pace.SLOW, Cause.HEAT, _HOT)
    return Rest()


_TOO_HOT = "The computer is so hot that it may switch itself off; drawing goes on when it is cooler."
_HOT = "The computer is hot and slows itself down; pictures are drawn at half the pace until it is cooler."


def _low(charge: float, enough: float) -> str:
    return f"The battery holds {charge:.0%} and is being emptied; drawing goes on when it is charged again or holds {enough:.0%}."


def read_power() -> PowerState:
    """Returns what this system says; never raises."""
    if sys.platform == "linux":
        return PowerState(linux_charge(SYSTEM / "power_supply"), linux_heat(SYSTEM / "thermal"))
    if sys.platform == "darwin":
        return PowerState(pmset_charge(_pmset()), mac_heat())
    return PowerState()


# Linux: https://docs.kernel.org/power/power_supply_class.html, https://docs.kernel.org/driver-api/thermal/sysfs-api.html


def linux_charge(folder: Path) -> float | None:
    """Returns the charge of the computer's batteries, 0 to 1, while one is being emptied; None otherwise."""
    shares: list[float] = []
    statuses: list[str] = []
    on_mains = False
    for supply in _folders(folder):
        kind = _word(supply / "type")
        if kind in ("Mains", "USB", "USB_C", "Wireless"):
            on_mains |= _word(supply / "online") == "1"
        elif kind == "Battery" and _word(supply / "scope") != "Device" and _word(supply / "present") != "0":
            charge = _number(supply / "capacity")
            if charge is not None and 0 <= charge <= 100:
                shares.append(charge / 100)
                statuses.append(_word(supply / "status"))
    unknown = not on_mains and all(status in ("Unknown", "") for status in statuses)
    # Also on mains: a charger that is too weak does not stop the battery from running out.
    return sum(shares) / len(shares) if shares and ("Discharging" in statuses or unknown) else None


def linux_heat(folder: Path) -> Heat | None:
    """Returns the worst heat of the thermal zones by their trip points; None where there is no zone with one."""
    known = [heat for zone in _folders(folder, "thermal_zone") if (heat := _zone_heat(zone)) is not None]
    return max(known, default=None)


def _zone_heat(zone: Path) -> Heat | None:
    temperature = _number(zone / "temp")
    trips = {
        kind: value
        for path in sorted(zone.glob("trip_point_*_type"))
        if (kind := _word(path)) and (value := _number(Path(str(path).replace("_type", "_temp")))) in _PLAUSIBLE
    }
    if temperature not in _PLAUSIBLE or not trips:
        return None
    assert temperature is not None
    off = trips.get("critical")
    if off is not None and off - _NEAR <= temperature < off:  # at or above it the kernel would have switched off
        return Heat.CRITICAL
    limits = [value for kind, value in trips.items() if kind in ("hot", "passive") and value is not None]
    return Heat.SERIOUS if any(temperature >= value for value in limits) else Heat.NOMINAL


def _folders(folder: Path, beginning: str = "") -> Iterator[Path]:
    with suppress(OSError):
        yield from sorted(path for path in folder.iterdir() if path.name.startswith(beginning))


def _word(path: Path) -> str:
    """Returns the text of a small file; "" where it cannot be read."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(64).strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _word(path)
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else None


# macOS


def pmset_charge(text: str) -> float | None:
    """Returns the charge that `pmset -g batt` tells, 0 to 1, while the battery is being emptied; None otherwise."""
    if "Battery Power" not in text.partition("\n")[0]:
        return None
    shares = [int(charge) for charge in re.findall(r"InternalBattery[^\n]*?\b(\d{1,3})%", text)]
    return min(shares) / 100 if shares and max(shares) <= 100 else None


def mac_heat() -> Heat | None:
    """Returns NSProcessInfo's thermal state; None on another system."""
    objc = runtime()
    if objc is None:
        return None
    state = objc.send(objc.send(objc.find_class("NSProcessInfo"), "processInfo"), "thermalState") or 0
    return Heat(state) if state in list(Heat) else None


def _pmset() -> str:
    try:
        command = ["/usr/bin/pmset", "-g", "batt"]
        return subprocess.run(command, capture_output=True, text=True, timeout=_PMSET_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return ""


class PowerWatch:
    """Looks at the system every few seconds, and says how to draw."""

    def __init__(self, read: Callable[[], PowerState] = read_power, every: float = 10.0) -> None:
        self.policy = PowerPolicy()
        self.rest = Rest()
        self._read, self._every = read, every
        self._looked: float | None = None

    def look(self, now: float) -> bool:
        """Looks if it is time to, and returns whether it is another rest than before. `now` is in monotonic seconds."""
        if self._looked is not None and now - self._looked < self._every:
            return False
        self._looked = now
        before, self.rest = self.rest, decide(self.policy, self._read(), self.rest)
        return self.rest != before

    def look_again(self) -> None:
        """Looks at the next call, whenever it comes."""
        self._looked = None

    def end(self) -> bool:
        """Nothing is drawn any more, so that nothing rests; returns whether something did."""
        before, self.rest, self._looked = self.rest, Rest(), None
        return before != self.rest
