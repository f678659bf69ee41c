//! What the API promises as a whole: its document, its codes, its answers.

mod answers;
mod codes;
mod document;
mod host;
mod once;
mod streams;
