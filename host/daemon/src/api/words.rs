//! The closed sets of words that the API takes and shows, described from the domain's own lists.

use novacron_cicd_domain::{
    artifact::ArtifactKind,
    notification::{Format, NotificationKind, NotificationState},
    operation::{OperationKind, OperationState, RecoveryClass},
    parameter::ParameterKind,
    run::Edges,
    status::State,
    token::Role,
    webhook::DeliveryState,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident as $schema:literal = $words:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some($words)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $schema.into()
            }
        }
    )+};
}

words! {
    /// Where a run, job or step stands.
    StateWord as "State" = State::ALL.map(State::as_str);
    /// Where a delivery stands.
    DeliveryStateWord as "WebhookState" = DeliveryState::ALL.map(DeliveryState::as_str);
    /// What a message to a subscriber says.
    NotificationKindWord as "NotificationKind" =
        NotificationKind::ALL.iter().copied().map(NotificationKind::as_str).collect::<Vec<_>>();
    /// What a message to a subscriber looks like.
    FormatWord as "NotificationFormat" = Format::ALL.iter().copied().map(Format::as_str).collect::<Vec<_>>();
    /// Where a message to a subscriber stands.
    NotificationStateWord as "NotificationState" =
        NotificationState::ALL.iter().copied().map(NotificationState::as_str).collect::<Vec<_>>();
    /// What a token's holder may do.
    RoleWord as "Role" = Role::ALL.map(Role::as_str);
    /// What an artifact is.
    ArtifactKindWord as "ArtifactKind" = ArtifactKind::ALL.map(ArtifactKind::as_str);
    /// What an operation does.
    OperationKindWord as "OperationKind" = OperationKind::all().map(OperationKind::as_str);
    /// Where an operation stands.
    OperationStateWord as "OperationState" = OperationState::ALL.map(OperationState::as_str);
    /// How an unknown outcome is settled.
    RecoveryWord as "RecoveryClass" = [
        RecoveryClass::IdempotentKey,
        RecoveryClass::Searchable,
        RecoveryClass::ByState,
        RecoveryClass::None,
    ]
    .map(RecoveryClass::as_str);
    /// What a parameter's values look like.
    ParameterKindWord as "ParameterKind" = [
        ParameterKind::String,
        ParameterKind::Text,
        ParameterKind::Bool,
        ParameterKind::Number,
        ParameterKind::Choice,
        ParameterKind::List,
        ParameterKind::File,
        ParameterKind::Environment,
        ParameterKind::Secret,
    ]
    .map(serialized);
    /// How much to believe of a graph's edges.
    EdgesWord as "Edges" = [Edges::Exact, Edges::Approximate, Edges::None].map(serialized);
}

/// Bytes as they are.
#[derive(Clone, Copy, Debug)]
pub struct Binary;

impl PartialSchema for Binary {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Binary {}

/// A value as JSON on one line, for people who look at it.
pub(crate) fn serialized_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The word as it is on the wire, for sets that have no `as_str` of their own.
pub(crate) fn serialized(word: impl serde::Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
