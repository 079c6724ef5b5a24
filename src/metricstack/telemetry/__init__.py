"""The one schema: contracts of every table, the workspace that holds them, and how they are checked."""

from metricstack.telemetry.calendar import GRAINS, Calendar
from metricstack.telemetry.check import TableCheck, check
from metricstack.telemetry.config import Policy, UseCase, WorkspaceConfig, read_config
from metricstack.telemetry.contract import Column, Kind, Table
from metricstack.telemetry.tables import TABLES, table
from metricstack.telemetry.warehouse import DataFile, Load, Warehouse, write_atomic
from metricstack.telemetry.workspace import Workspace, open_workspace

__all__ = [
    "GRAINS",
    "TABLES",
    "Calendar",
    "Column",
    "DataFile",
    "Kind",
    "Load",
    "Policy",
    "Table",
    "TableCheck",
    "UseCase",
    "Warehouse",
    "Workspace",
    "WorkspaceConfig",
    "check",
    "open_workspace",
    "read_config",
    "table",
    "write_atomic",
]
