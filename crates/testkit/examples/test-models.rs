//! Writes the test models: `cargo run --release -p xtask -- test-models DIR [--real-size]`.
//!
//! Never here: what they are made of.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use testkit::tiny::{self, Family, Gguf, SEED};

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let real = args.iter().position(|a| a == "--real-size").map(|at| args.remove(at)).is_some();
    let [folder] = args.as_slice() else {
        eprintln!("usage: test-models DIR [--real-size]");
        return ExitCode::FAILURE;
    };
    match write(Path::new(folder), real) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("test-models: cannot write to {folder}: {error}. Choose a folder that can be written to.");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path, real: bool) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    println!("{:<16} {:<10} {:>12} {:>5}", "name", "arch", "bytes", "seed");
    for family in Family::ALL {
        one(folder, family.name(), family.architecture(), &family.file())?;
    }
    if real {
        one(folder, "half", "qwen2", &tiny::real(tiny::LAYERS))?;
        one(folder, "half-draft", "qwen2", &tiny::real(tiny::DRAFT_LAYERS))?;
    }
    Ok(())
}

fn one(folder: &Path, name: &str, arch: &str, model: &Gguf) -> io::Result<()> {
    let path: PathBuf = folder.join(format!("{name}.gguf"));
    let file = File::create(&path)?;
    model.write(SEED, BufWriter::with_capacity(1 << 20, file))?;
    println!("{name:<16} {arch:<10} {:>12} {SEED:>5}", path.metadata()?.len());
    Ok(())
}
