//! HTTP through the host: a request is data, built and tested natively; the host authenticates, signs and sends it.
//!
//! ```
//! use novacron_cicd_sdk::http::Request;
//!
//! let request = Request::get(["projects", "group/app", "pipelines"])
//!     .query("per_page", 100)
//!     .credential("token")
//!     .build()?;
//! assert_eq!(request.url, "/projects/group%2Fapp/pipelines?per_page=100");
//! # Ok::<(), novacron_cicd_sdk::types::Error>(())
//! ```
//!
//! Must be absent: whatever only one platform does.

mod body;
mod failure;
mod paging;
mod place;
mod request;
mod response;
mod send;
mod sign;
mod status;
mod target;

pub use body::{Body, Escape, Json};
pub use paging::{Pages, next_link};
pub use request::Request;
pub use response::Response;
pub use send::send_all;
pub use sign::{Capture, Signature};
pub use target::{Target, encode};
