//! A robot's tour through a furnished flat, rendered to a recording.
