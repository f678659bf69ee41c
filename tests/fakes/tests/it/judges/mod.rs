//! Clients that we did not write take the fakes for their platforms. For Jenkins see `jenkins::judges`.

mod act;
mod archive;
mod events;
mod github;
mod gitlab;
mod gitlab_ci_local;
mod recorded;
mod signed;
