//! How a thing of a platform is shown: the same fields as the domain has, described for readers of the API.

/// A shape of the API that has the fields of a domain type; `times` are shown as text, `lists` hold shapes of their own.
macro_rules! view {
    (
        $(#[$doc:meta])* $name:ident as $schema:ident from $source:ty {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        }
        $(times { $($(#[$time_doc:meta])* $time:ident,)* })?
        $(lists { $($(#[$list_doc:meta])* $list:ident: $item:ty,)* })?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[schema(as = $schema)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            $($($(#[$time_doc])* pub $time: Option<$crate::api::Time>,)*)?
            $($($(#[$list_doc])* pub $list: Vec<$item>,)*)?
        }

        impl From<$source> for $name {
            fn from(found: $source) -> Self {
                Self {
                    $($field: found.$field,)*
                    $($($time: found.$time.map($crate::api::Time),)*)?
                    $($($list: found.$list.into_iter().map(Into::into).collect(),)*)?
                }
            }
        }
    };
}
pub(crate) use view;
