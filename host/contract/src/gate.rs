//! What a run waits for a person to decide.

use novacron_cicd_domain::platform::{Gate, GateDecision};

use crate::{
    bindings::exports::novacron::cicd::run_gates,
    value::{Violation, id, map, values},
};

impl TryFrom<run_gates::Gate> for Gate {
    type Error = Violation;
    fn try_from(gate: run_gates::Gate) -> Result<Self, Violation> {
        Ok(Self {
            id: id("gate.id", gate.id)?,
            kind: gate.kind,
            job: gate.job,
            message: gate.message,
            can_resolve: gate.can_resolve,
            inputs: gate.inputs.into_iter().map(Into::into).collect(),
            more: map(gate.more),
        })
    }
}

impl From<GateDecision> for run_gates::Decision {
    fn from(decision: GateDecision) -> Self {
        Self { approve: decision.approve, comment: decision.comment, inputs: values(decision.inputs) }
    }
}
