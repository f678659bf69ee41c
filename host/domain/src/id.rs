//! Identities of our own records: UUIDv7, so that they sort by the time they were made.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// A configured connection.
    ProviderId;
    /// Our record of a definition.
    PipelineId;
    /// One execution of a pipeline.
    RunId;
    /// A durable intent to change something outside.
    OperationId;
    /// Bytes with a digest and a version.
    ArtifactId;
    /// A bearer token of the API.
    TokenId;
    /// A webhook's delivery.
    DeliveryId;
    /// Somebody who is told of what happens.
    SubscriberId;
    /// A message to a subscriber.
    NotificationId;
}

impl OperationId {
    /// The token by which what an operation starts is found on the platform.
    #[must_use]
    pub fn correlation(self) -> String {
        self.0.simple().to_string()
    }
}
