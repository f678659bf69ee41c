//! A provider that misbehaves in every way that its settings name.
