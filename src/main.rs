//! The command line.

// Elsewhere pages may be of another size than where it was built, and it does not start there.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    cidadao::cli::main()
}
