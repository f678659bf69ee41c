//! Client and server of the service, from its description here: a `.proto` would need `protoc`.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let get = Method::builder()
        .name("get")
        .route_name("Get")
        .input_type("crate::RunRef")
        .output_type("crate::Run")
        .codec_path("tonic_prost::ProstCodec")
        .build();
    let runs = Service::builder().package("novacron.cicd").name("Runs").method(get).build();
    Builder::new().build_transport(false).compile(&[runs]);
    println!("cargo::rerun-if-changed=build.rs");
}
