"""What scans are judged by: policy file, packs and people's decisions. `scan`, `gate`, `approve` share it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.checks import known_checks
from policies.assess import assess
from policies.assessment import Assessment, VerdictReason
from policies.decided import with_decisions
from policies.decisions import DecisionRecord
from policies.gate_measures import require_directed
from policies.packs import Pack, load_packs
from policies.policy_file import PolicyFile, load_policy
from probes.regression.behaviours import BEHAVIOURS
from scanner.check import Check, Worse
from scanner.comparison import Comparison
from scanner.references import ModelRef
from scanner.scan import Scan


@dataclass(frozen=True)
class Criteria:
    """What a scan is judged by: fixed before it starts."""

    packs: Sequence[Pack]
    policy: PolicyFile


def load_criteria(policy_path: Path | None, pack_names: Sequence[str], ref: ModelRef) -> Criteria:
    """The policy of a file, as it is for this model, and its packs or those named instead.

    Raises:
        ScanError: when policy or packs cannot be read or contradict themselves.
    """
    known = known_checks()
    files = [Path(name) for name in pack_names if name.endswith((".yaml", ".yml"))]
    ids = [name for name in pack_names if Path(name) not in files]
    measures = [spec.name for check in known.values() for spec in check.measures]
    policy = load_policy(policy_path, checks=known, extra_packs=files, measures=measures, ref=ref)
    require_directed(policy, _directed(known))
    return Criteria(load_packs(ids if pack_names else policy.packs, known, files), policy)


def _directed(known: Mapping[str, Check]) -> set[str]:
    """The measurements that can get worse, those that comparisons alone make included."""
    declared = (spec for check in known.values() for spec in check.measures)
    named = {spec.name for spec in declared if spec.worse is not Worse.NEITHER}
    return named | {behaviour.measure for behaviour in BEHAVIOURS}


def judge(
    scan: Scan,
    criteria: Criteria,
    decisions: Sequence[DecisionRecord],
    *,
    as_of: datetime.date,
    comparison: Comparison | None = None,
    demands: Sequence[VerdictReason] = (),
) -> Assessment:
    """The assessment of a scan as of a day, by the policy and by what people had decided until then.

    With a comparison, the rules of the gate that need a base are answered too. `demands` are answers to what
    was demanded beside the policy.
    """
    return assess(
        scan,
        criteria.packs,
        with_decisions(criteria.policy, decisions, scan, as_of),
        as_of=as_of,
        assessed_at=datetime.datetime.now(datetime.UTC),
        comparison=comparison,
        demands=demands,
    )
