//! With the feature `ros`: programs find ROS 2's libraries where they were built against them, so that those that need
//! no ROS at run time (`halfslam replay`) also run where nothing is sourced.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=AMENT_PREFIX_PATH");
    if std::env::var_os("CARGO_FEATURE_ROS").is_none() {
        return;
    }
    // Unlike RUNPATH, RPATH also serves the libraries that these libraries want.
    println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags");
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/..");
    for prefix in std::env::split_paths(&std::env::var_os("AMENT_PREFIX_PATH").unwrap_or_default()) {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}/lib", prefix.display());
    }
}
