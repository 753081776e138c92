"""A progress bar for commands that take a while."""

from __future__ import annotations

from typing import Any

BAR_WIDTH = 30


class ProgressBar:
    """Show the progress on a terminal; print nothing elsewhere."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.shown = bool(getattr(stream, "isatty", lambda: False)())
        self.has_line = False

    def __call__(self, done: int, total: int | None = None) -> None:
        """Show that ``done`` of ``total`` are done; ``total`` is None if it is not known."""
        if not self.shown:
            return
        if total is None:
            line = f"{done:,}"
        else:
            part = min(done / total, 1) if total else 1
            line = f"[{'#' * round(part * BAR_WIDTH):<{BAR_WIDTH}}] {part:4.0%}  {done:,} of {total:,}"
        self.stream.write(f"\r{line}", ending="")
        self.stream.flush()
        self.has_line = True

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the line, so that what follows has one of its own: also the message of an error."""
        if self.has_line:
            self.stream.write("")
