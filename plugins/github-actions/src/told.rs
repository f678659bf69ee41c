//! How answers are read: the fields that are named are taken as they come, all else is passed over; what is missing or null is as
//! if it were empty.
//!
//! A type is a table from names to places, and one reader goes by all of them. With a reader of its own for each type, as serde
//! derives it, this plugin is a sixth larger.

use std::{collections::BTreeMap, fmt};

use novacron_cicd_sdk::types::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor},
};
use serde_json::Value;

use crate::time;

/// A time of an answer; one that is missing or is none is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) Option<Timestamp>);

/// Where a value goes.
pub(crate) enum Slot<'a> {
    Text(&'a mut String),
    Flag(&'a mut bool),
    Number(&'a mut dyn Whole),
    Time(&'a mut Time),
    Any(&'a mut Value),
    /// One more of these.
    One(&'a mut dyn Grow),
    /// One of these, or null.
    Maybe(&'a mut dyn Grow),
    Items(&'a mut dyn Grow),
    /// Items that may stand beside their count, under the name of what they are.
    List(&'a mut dyn Grow),
    Fields(&'a mut dyn Fields),
}

/// What a value can be read into.
pub(crate) trait Place: Default {
    fn slot(&mut self) -> Slot<'_>;
}

/// What has fields by their names.
pub(crate) trait Fields {
    fn field(&mut self, name: &str) -> Option<Slot<'_>>;
}

/// What can be given one more of what it is of.
pub(crate) trait Grow {
    fn grow(&mut self) -> Slot<'_>;
}

/// A whole number that is not negative; false where it is too large.
pub(crate) trait Whole {
    fn set(&mut self, number: u64) -> bool;
}

macro_rules! whole {
    ($($number:ty)*) => {$(
        impl Whole for $number {
            fn set(&mut self, number: u64) -> bool {
                <$number>::try_from(number).map(|number| *self = number).is_ok()
            }
        }
        impl Place for $number {
            fn slot(&mut self) -> Slot<'_> {
                Slot::Number(self)
            }
        }
    )*};
}
whole!(u16 u32 u64);

macro_rules! place {
    ($($kind:ident = [$($of:tt)*] $type:ty;)*) => {$(
        impl<$($of)*> Place for $type {
            fn slot(&mut self) -> Slot<'_> {
                Slot::$kind(self)
            }
        }
    )*};
}
place! {
    Text = [] String;
    Flag = [] bool;
    Time = [] Time;
    Any = [] Value;
    Maybe = [T: Place] Option<T>;
    Items = [T: Place] Vec<T>;
    Fields = [T: Place] BTreeMap<String, T>;
}

impl<T: Place> Fields for BTreeMap<String, T> {
    fn field(&mut self, name: &str) -> Option<Slot<'_>> {
        Some(self.entry(name.to_owned()).or_default().slot())
    }
}

impl<T: Place> Grow for Option<T> {
    fn grow(&mut self) -> Slot<'_> {
        self.insert(T::default()).slot()
    }
}

impl<T: Place> Grow for Vec<T> {
    fn grow(&mut self) -> Slot<'_> {
        self.push_mut(T::default()).slot()
    }
}

/// Types of what is told: a name and its fields, each as it is called or as `"type" as kind`.
macro_rules! told {
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    ($($(#[$about:meta])* $type:ident { $($(#[$of:meta])* $($name:literal as)? $field:ident: $kind:ty),* $(,)? })*) => {$(
        #[derive(Clone, Debug, Default)]
        $(#[$about])*
        pub(crate) struct $type { $($(#[$of])* pub(crate) $field: $kind),* }

        impl $crate::told::Fields for $type {
            fn field(&mut self, name: &str) -> Option<$crate::told::Slot<'_>> {
                match name {
                    $($crate::told::told!(@name $field $($name)?) => Some($crate::told::Place::slot(&mut self.$field)),)*
                    _ => None,
                }
            }
        }
        impl $crate::told::Place for $type {
            fn slot(&mut self) -> $crate::told::Slot<'_> {
                $crate::told::Slot::Fields(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let mut it = Self::default();
                $crate::told::read($crate::told::Slot::Fields(&mut it), from).map(|()| it)
            }
        }
    )*};
}
pub(crate) use told;

/// What a listing has beside its count, one of these.
const LISTS: [&str; 9] = [
    "artifacts",
    "attestations",
    "environments",
    "jobs",
    "runners",
    "secrets",
    "variables",
    "workflow_runs",
    "workflows",
];

/// A listing: bare, or beside its count.
#[derive(Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> List<T> {
    pub(crate) fn map<U>(self, what: impl FnMut(T) -> U) -> Vec<U> {
        self.0.into_iter().map(what).collect()
    }
}

impl<'de, T: Place> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut all = Vec::new();
        read(Slot::List(&mut all), from).map(|()| Self(all))
    }
}

/// Reads a value to where it goes.
#[inline(never)]
pub(crate) fn read<'de, D: Deserializer<'de>>(to: Slot<'_>, from: D) -> Result<(), D::Error> {
    match to {
        Slot::Text(text) => *text = String::deserialize(from)?,
        Slot::Flag(flag) => *flag = bool::deserialize(from)?,
        Slot::Number(number) => {
            if !number.set(u64::deserialize(from)?) {
                return Err(D::Error::custom("the number is too large"));
            }
        }
        Slot::Time(at) => *at = Time(Option::<String>::deserialize(from)?.and_then(|text| time::parse(&text))),
        Slot::Any(value) => *value = Value::deserialize(from)?,
        Slot::One(to) => read(to.grow(), from)?,
        Slot::Maybe(_) => from.deserialize_option(to)?,
        Slot::Items(_) => from.deserialize_seq(to)?,
        Slot::Fields(_) => from.deserialize_map(to)?,
        Slot::List(_) => from.deserialize_any(to)?,
    }
    Ok(())
}

impl<'de> DeserializeSeed<'de> for Slot<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        read(self, from)
    }
}

impl<'de> Visitor<'de> for Slot<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Fields(_)) { "an object" } else { "a list" })
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        let Self::Maybe(to) = self else { return Err(D::Error::invalid_type(Unexpected::Option, &self)) };
        read(Slot::One(to), from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let (Self::Items(to) | Self::List(to)) = self else {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        };
        while items.next_element_seed(Slot::One(to))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            let slot = match &mut self {
                Self::Fields(to) => to.field(&name),
                Self::List(to) => LISTS.contains(&name.as_str()).then(|| Slot::Items(*to)),
                _ => return Err(A::Error::invalid_type(Unexpected::Map, &self)),
            };
            match slot {
                Some(slot) => fields.next_value_seed(slot)?,
                None => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}
