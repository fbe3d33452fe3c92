//! Says whether the bundled model is there. Without it the binary builds and answers through other places only.

fn main() {
    let model = "../../models/edge/dewpoint-edge.gguf";
    println!("cargo:rustc-check-cfg=cfg(bundled_model)");
    println!("cargo:rerun-if-changed={model}");
    if std::path::Path::new(model).is_file() {
        println!("cargo:rustc-cfg=bundled_model");
    }
}
