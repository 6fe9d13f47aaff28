"""Import, export and backup of conversations. Depends neither on streamlit nor on the runtime."""

from session_store.exchange.agent_files import AgentFile, AgentFiles
from session_store.exchange.conversation import Owner
from session_store.exchange.errors import BackupError, ExportError, ImportRefusedError
from session_store.exchange.exports.backup import backup
from session_store.exchange.exports.exporting import SUFFIXES, Format, export, pieces, text
from session_store.exchange.exports.reading import chats_by_user, selected, whole, wholes
from session_store.exchange.imports.importing import Report, Skipped, Wishes, import_database, import_file
from session_store.exchange.notes import Change

__all__ = [
    "SUFFIXES",
    "AgentFile",
    "AgentFiles",
    "BackupError",
    "Change",
    "ExportError",
    "Format",
    "ImportRefusedError",
    "Owner",
    "Report",
    "Skipped",
    "Wishes",
    "backup",
    "chats_by_user",
    "export",
    "import_database",
    "import_file",
    "pieces",
    "selected",
    "text",
    "whole",
    "wholes",
]
