//! Every check of the suites in this package as one test: list, filter and `--exact` work as with any other test.

fn main() -> std::process::ExitCode {
    allclear::cargo_test::main(".")
}
