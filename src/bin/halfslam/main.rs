//! `halfslam`: the command line.

fn main() {}
