"""Where the `sdedge` command begins and ends: signals, standard streams and exit statuses.

Nothing but Python's own modules is imported before signals are heard: an early Ctrl-C is no traceback either.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

INTERRUPTED = 128  # plus the signal's number, as shells write it: 130 Ctrl-C, 143 SIGTERM, 129 a closed terminal
BROKEN_PIPE = 141  # as SIGPIPE would: who read our output has left
_ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_LOST = (errno.EPIPE, errno.ENOSPC, errno.EBADF, errno.EIO, errno.EDQUOT, errno.EINVAL, errno.ECONNRESET, errno.EFBIG)

_received: list[int] = []


def main() -> NoReturn:
    """Run the command line.

    Exit codes: 0 done, 1 failed, 2 bad usage or what is not there, 128 + a signal's number, 141 nobody reads the output.
    """
    _received.clear()
    _listen()
    output = sys.stdout
    try:
        _keep_streams()
        output = sys.stdout
        status = run_command()
    except KeyboardInterrupt:
        status = INTERRUPTED + (_received[0] if _received else signal.SIGINT)
    except SystemExit as leaving:
        # rich makes a plain 1 of a reader that left; so does click, which hides the error but wraps the stream on that way
        if isinstance(leaving.__context__, BrokenPipeError) or (leaving.code == 1 and sys.stdout is not output):
            _leave(BROKEN_PIPE)
        status = leaving.code if isinstance(leaving.code, int) else 1 if leaving.code else 0
    except BaseException as error:
        if _received:  # an interrupt inside an import comes out as anything
            status = INTERRUPTED + _received[0]
        elif isinstance(error, OSError) and (lost := _status_of_lost_output(error)):
            status = lost
        else:
            raise
    _leave(status)


def run_command() -> int:
    """Runs the command that was typed and says its failures in one sentence. Returns the exit status."""
    import click

    from sdedge.commands.root import cli
    from sdedge.commands.terminal import echo
    from sdedge.commands.usage import asks_for_help, usage_sentence
    from sdedge.errors import InvalidRequest, MissingModel, SdedgeError
    from sdedge.machine.idle_threads import let_idle_threads_sleep
    from sdedge.text.clean import shown

    let_idle_threads_sleep()
    try:
        result = cli.main(prog_name="sdedge", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        return INTERRUPTED + (_received[0] if _received else signal.SIGINT)
    except click.ClickException as error:
        if asks_for_help(error):
            echo(error.format_message(), err=True)
        else:
            _complain(usage_sentence(error))
        return 2
    except (InvalidRequest, MissingModel) as error:
        _complain(str(error))
        return 2
    except SdedgeError as error:
        _complain(str(error))
        return 1
    except OSError as error:
        if error.filename is None or not error.strerror:
            raise
        _complain(f"Cannot use {shown(os.fsdecode(error.filename))}: {error.strerror}; mend it, or give another path.")
        return 1


def _listen() -> None:
    """What ends us cleans up on the way out. A signal that whoever started us ignores stays ignored, as under nohup."""
    for name in _ENDING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            with contextlib.suppress(ValueError):  # only the main thread may
                signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise KeyboardInterrupt


def _keep_streams() -> None:
    """Closed standard streams are opened to nowhere, or the next file opened, a database, would get what is printed.

    Standard output stays one that cannot be written to, so that a command whose output is lost does not end well.
    """
    if os.name != "posix":
        return
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest free number, so this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file's name, or a prompt, that the terminal has no letters for
            stream.reconfigure(errors="backslashreplace")


def _status_of_lost_output(error: OSError) -> int | None:
    """Returns the exit status when it was standard output, or standard error, that failed; None when it was another file."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            break
    else:
        if error.errno not in _LOST or error.filename is not None or not _can_print(error):
            return None
    if error.errno == errno.EPIPE:
        return BROKEN_PIPE
    _complain(f"Cannot write to standard output: {error.strerror or error}; give it a place to go.")
    return 1


def _can_print(error: OSError) -> bool:
    """Returns whether the failure came out of printing, by click or rich: a stream without a buffer forgets what it could
    not write.
    """
    trace, names = error.__traceback__, []
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return names[-1:] in (["echo"], ["flush"], ["write"], ["_write_buffer"])


def _leave(status: int) -> NoReturn:
    """Ends with this status; what was printed and cannot be delivered any more changes a good one."""
    for name in _ENDING:  # from here on there is nothing to clean up
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_DFL)
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        if status == 0:
            status = BROKEN_PIPE if getattr(error, "errno", None) == errno.EPIPE else 1
            if status == 1:
                _complain(
                    f"Cannot write to standard output: {getattr(error, 'strerror', None) or error}; give it a place to go."
                )
        _forget(sys.stdout)
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        _forget(sys.stderr)
    sys.exit(status)


def _forget(stream: Any) -> None:
    """Lets what a stream still holds go nowhere, or Python complains about it while it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _complain(message: str) -> None:
    """One sentence to standard error, if anybody hears it."""
    from sdedge.commands.terminal import one_line

    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"sdedge: {one_line(message)}\n")
        sys.stderr.flush()


def __getattr__(name: str) -> Any:
    if name in ("cli", "COMMANDS"):
        from sdedge.commands import root

        return getattr(root, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
