# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module's call with options validated as Ansible does it, defaults and all."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

from ansible_collections.podnet.cni.plugins.module_utils import _entry


@dataclasses.dataclass
class Called:
    """Stands for the AnsibleModule; what it was told is kept."""

    params: dict[str, t.Any]
    check_mode: bool = False
    no_log_values: set[str] = dataclasses.field(default_factory=set)
    warnings: list[str] = dataclasses.field(default_factory=list)
    told: list[str] = dataclasses.field(default_factory=list)

    def warn(self, warning: str) -> None:
        self.warnings.append(warning)

    def tell(self, line: str) -> None:
        self.told.append(line)


def call_of(spec: _entry.Spec, options: t.Mapping[str, t.Any], check_mode: bool = False) -> Called:
    """The call with these options, which must be valid."""
    validated = ModuleArgumentSpecValidator(dict(spec.argument_spec), **spec.rules).validate(dict(options))
    assert validated.error_messages == []
    return Called(validated.validated_parameters, check_mode)
