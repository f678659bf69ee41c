//! The `novacron-cicd` program.

fn main() -> std::process::ExitCode {
    novacron_cicd::cli::main()
}
