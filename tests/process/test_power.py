"""Battery and heat: read from the system's own figures, and the queue rests, says why, and goes on by itself."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from sdedge.cli import cli
from sdedge.errors import InvalidRequest
from sdedge.events import Cancelled, Finished, Notice, Step
from sdedge.process import power
from sdedge.process.power import (
    Cause,
    Heat,
    HeatLimit,
    Pace,
    PowerPolicy,
    PowerState,
    Rest,
    decide,
    linux_charge,
    linux_heat,
    mac_heat,
    pmset_charge,
    read_power,
)

LOW = Rest(Pace.PAUSE, Cause.BATTERY, "low")
HOT = Rest(Pace.PAUSE, Cause.HEAT, "hot")


@pytest.mark.parametrize(
    ("policy", "state", "before", "pace"),
    [
        (PowerPolicy(), PowerState(), Rest(), Pace.FULL),  # a desktop, or another system
        (PowerPolicy(), PowerState(0.2), Rest(), Pace.FULL),
        (PowerPolicy(), PowerState(0.19), Rest(), Pace.PAUSE),
        (PowerPolicy(), PowerState(0.21), LOW, Pace.PAUSE),  # no going on and off at the limit
        (PowerPolicy(), PowerState(0.22), LOW, Pace.FULL),
        (PowerPolicy(), PowerState(None), LOW, Pace.FULL),  # plugged in
        (PowerPolicy(battery=0), PowerState(0.01), Rest(), Pace.FULL),
        (PowerPolicy(battery=0), PowerState(0.01), LOW, Pace.FULL),  # switched off while it rests
        (PowerPolicy(), PowerState(heat=Heat.SERIOUS), Rest(), Pace.FULL),
        (PowerPolicy(), PowerState(heat=Heat.CRITICAL), Rest(), Pace.PAUSE),
        (PowerPolicy(), PowerState(heat=Heat.SERIOUS), HOT, Pace.PAUSE),
        (PowerPolicy(), PowerState(heat=Heat.FAIR), HOT, Pace.FULL),
        (PowerPolicy(heat=HeatLimit.SLOW), PowerState(heat=Heat.SERIOUS), Rest(), Pace.SLOW),
        (PowerPolicy(heat=HeatLimit.OFF), PowerState(heat=Heat.CRITICAL), Rest(), Pace.FULL),
        (PowerPolicy(), PowerState(0.1, Heat.CRITICAL), HOT, Pace.PAUSE),
    ],
)
def test_a_policy_decides_how_pictures_are_drawn(policy, state, before, pace):
    rest = decide(policy, state, before)
    assert rest.pace is pace and (
        rest.reason.endswith((".", "low", "hot")) if pace is not Pace.FULL else rest == Rest()
    )


def supplies(folder: Path, **files: str) -> Path:
    """A folder as /sys/class/power_supply or /sys/class/thermal: "BAT0/capacity" and what stands in it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return folder


BATTERY = {"BAT0/type": "Battery", "BAT0/status": "Discharging", "BAT0/capacity": "40", "BAT0/present": "1"}
MAINS = {"AC/type": "Mains", "AC/online": "1"}
MOUSE = {"hid/type": "Battery", "hid/scope": "Device", "hid/status": "Discharging", "hid/capacity": "3"}


@pytest.mark.parametrize(
    ("files", "charge"),
    [
        ({}, None),
        (MAINS, None),
        (BATTERY, 0.4),
        ({**BATTERY, **MOUSE, "AC/type": "Mains", "AC/online": "0"}, 0.4),
        (MOUSE, None),
        ({**BATTERY, **MAINS, "BAT0/status": "Charging"}, None),
        ({**BATTERY, **MAINS, "BAT0/status": "Not charging"}, None),
        ({**BATTERY, **MAINS}, 0.4),  # a charger that is too weak
        ({**BATTERY, "BAT0/status": "Unknown"}, 0.4),
        ({**BATTERY, **MAINS, "BAT0/status": "Unknown"}, None),
        ({**BATTERY, "BAT1/type": "Battery", "BAT1/status": "Not charging", "BAT1/capacity": "80"}, 0.6),
        ({**BATTERY, "BAT0/present": "0"}, None),
        ({**BATTERY, "BAT0/capacity": "many"}, None),
        ({**BATTERY, "BAT0/capacity": "250"}, None),
        ({"BAT0/status": "Discharging"}, None),
    ],
)
def test_linux_tells_the_charge_while_the_computer_s_own_battery_is_emptied(files, charge, tmp_path):
    assert linux_charge(supplies(tmp_path, **files)) == pytest.approx(charge)


def zone(name: str, temperature: str, **trips: int) -> dict[str, str]:
    files = {f"{name}/temp": temperature}
    for i, (kind, value) in enumerate(trips.items()):
        files |= {f"{name}/trip_point_{i}_type": kind, f"{name}/trip_point_{i}_temp": str(value)}
    return files


@pytest.mark.parametrize(
    ("files", "heat"),
    [
        ({}, None),
        ({"cooling_device0/type": "Fan"}, None),
        (zone("thermal_zone0", "45000"), None),
        (zone("thermal_zone0", "45000", passive=95000, critical=100000), Heat.NOMINAL),
        (zone("thermal_zone0", "95000", passive=95000, critical=105000), Heat.SERIOUS),
        (zone("thermal_zone0", "99000", hot=98000, critical=104000), Heat.CRITICAL),
        (zone("thermal_zone0", "127000", critical=100000), Heat.NOMINAL),  # a sensor that lies: the kernel would be off
        (zone("thermal_zone0", "-274000", critical=100000), None),
        (zone("thermal_zone0", "45000", passive=-274000, critical=0), None),
        (zone("thermal_zone0", "hot", critical=100000), None),
        (
            zone("thermal_zone0", "40000", critical=100000) | zone("thermal_zone1", "90000", passive=85000),
            Heat.SERIOUS,
        ),
    ],
)
def test_linux_tells_heat_by_the_trip_points_of_its_thermal_zones(files, heat, tmp_path):
    assert linux_heat(supplies(tmp_path, **files)) == heat


@pytest.mark.parametrize(
    ("text", "charge"),
    [
        ("", None),
        (
            "Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t18%; charging; 1:02 remaining present: true\n",
            None,
        ),
        (
            "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t18%; discharging; (no estimate) present: true\n",
            0.18,
        ),
        ("Now drawing from 'Battery Power'\n", None),
        ("Now drawing from 'UPS Power'\n -APC (id=1)\t90%; discharging\n", None),
    ],
)
def test_macos_tells_the_charge_by_pmset(text, charge):
    assert pmset_charge(text) == charge


@pytest.mark.parametrize(("answer", "heat"), [(None, Heat.NOMINAL), (2, Heat.SERIOUS), (3, Heat.CRITICAL), (9, None)])
def test_macos_tells_heat_by_its_process_info(answer, heat, monkeypatch):
    sent = []

    def send(receiver, selector, *arguments):
        sent.append(selector)
        return answer if selector == "thermalState" else 1

    monkeypatch.setattr(power, "runtime", lambda: SimpleNamespace(find_class=lambda name: 1, send=send))
    assert mac_heat() == heat and sent == ["processInfo", "thermalState"]


def test_this_system_is_read_without_an_error(monkeypatch):
    assert isinstance(read_power(), PowerState)
    monkeypatch.setattr(power.sys, "platform", "win32")
    assert read_power() == PowerState()


# The queue


def start(desk, state: list[PowerState]):
    desk.start(power=0.05, read_power=lambda: state[0])


def test_the_queue_rests_between_two_steps_says_why_and_goes_on_by_itself(desk):
    state = [PowerState()]
    job = desk.add("steps=20 step=0.02")
    start(desk, state)
    desk.until(lambda event: isinstance(event, Step) and event.index == 2)
    state[0] = PowerState(0.1)
    desk.until(lambda event: isinstance(event, Notice) and event.about == "power")
    assert "The battery holds 10%" in desk.queue.resting and desk.queue.paused is None
    time.sleep(0.15)  # a step that was under way
    steps = len(desk.events_of(Step))
    time.sleep(0.15)
    assert len(desk.events_of(Step)) == steps < 20 and desk.queue.get(job).state == "running"
    state[0] = PowerState(0.5)
    desk.wait()
    assert desk.queue.get(job).state == "done" and desk.check() == 1 and desk.queue.resting is None
    assert desk.events_of(Notice)[-1].message.endswith("as usual again.")


@pytest.mark.slow
def test_no_job_begins_while_the_queue_rests_and_one_that_rests_can_be_cancelled(desk):
    state = [PowerState(heat=Heat.CRITICAL)]
    job, second = desk.add("steps=20 step=0.02"), desk.add()
    start(desk, state)
    desk.until(lambda event: isinstance(event, Notice))
    assert desk.queue.get(job).state == "waiting" and not desk.supervisor.wait_idle(0.1)
    state[0] = PowerState()
    desk.until(lambda event: isinstance(event, Step))
    state[0] = PowerState(heat=Heat.CRITICAL)
    desk.until(lambda event: desk.queue.resting)
    desk.queue.cancel(job)
    desk.supervisor.wake()
    desk.until(lambda event: isinstance(event, Cancelled))
    assert desk.queue.get(second).state == "waiting"
    state[0] = PowerState()
    desk.wait()
    assert desk.events_of(Finished, second)


def test_the_command_line_tells_that_the_queue_rests_and_takes_the_limits(desk, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(desk.folder))
    desk.queue.rest("The battery holds 10%.")
    listed = CliRunner().invoke(cli, ["queue", "list"]).output
    assert "Resting: The battery holds 10%." in listed
    assert '"resting": "The battery' in CliRunner().invoke(cli, ["queue", "list", "--json"]).output
    for wrong in (["--battery", "101"], ["--heat", "warm"]):
        assert isinstance(CliRunner().invoke(cli, ["queue", "run", *wrong]).exception, InvalidRequest)
    desk.queue.open_session()
    assert desk.queue.resting is None
