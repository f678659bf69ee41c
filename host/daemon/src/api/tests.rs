//! What the API promises as a whole: its document, its codes, its answers.

mod codes;
mod document;
