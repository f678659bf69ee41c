//! Clients that we did not write take the fakes for their platforms. For Jenkins see `jenkins::judges`.

mod github;
mod gitlab;
