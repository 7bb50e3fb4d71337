//! The command line.

fn main() -> std::process::ExitCode {
    cidadao::cli::main()
}
