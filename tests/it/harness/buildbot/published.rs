//! The second origin: serves the files that steps publish, and counts who asked how.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};

/// Files of one folder at a loopback address of their own.
pub(crate) struct Published {
    url: String,
    asked: Asked,
}

/// The headers of every request.
type Asked = Arc<Mutex<Vec<HeaderMap>>>;

impl Published {
    pub(super) async fn serve(folder: PathBuf) -> Self {
        let asked = Asked::default();
        let state = (folder, Arc::clone(&asked));
        let app = Router::new().route("/{build}/{name}", get(file)).with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The headers of every request until now.
    pub(crate) fn asked(&self) -> Vec<HeaderMap> {
        self.asked.lock().unwrap().clone()
    }
}

async fn file(
    State((folder, asked)): State<(PathBuf, Asked)>,
    Path((build, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Vec<u8>, StatusCode> {
    asked.lock().unwrap().push(headers);
    tokio::fs::read(folder.join(build).join(name)).await.map_err(|_| StatusCode::NOT_FOUND)
}
