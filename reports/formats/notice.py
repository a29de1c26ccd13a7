"""NOTICE: the lines, words, names and copies that a model's licences ask for, as a text file."""

from __future__ import annotations

from reports.contents import licences_kept
from reports.format import Format, Report, ReportError
from reports.notice_text import notice_text


class NoticeFormat(Format):
    """Plain UTF-8 text, the same whenever it is written; a person reads it before it goes anywhere."""

    name = "notice"
    stem = "NOTICE"
    suffix = "txt"
    media_type = "text/plain"

    def render(self, report: Report) -> bytes:
        """The notice.

        Raises:
            ReportError: when the scan kept nothing of the model's licences; an empty notice would say
                that nothing is asked for.
        """
        record = licences_kept(report)
        if record is None:
            raise ReportError(
                "no notice can be made: nothing that the scan kept tells what the model's licences ask for",
                hint="scan again with the check licence-duties, and keep its evidence",
            )
        return notice_text(report, record).encode()


FORMAT = NoticeFormat()
