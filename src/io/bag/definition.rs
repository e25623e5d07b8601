//! The text that tells readers of a bag how its messages are laid out.

use super::messages::DEFINITIONS;

/// The definition of a message type in the format `ros2msg`: its own text, then that of every type it is made of,
/// each behind a line of 80 `=` and `MSG: package/Type`. `None` for types that this crate does not know.
///
/// - `message_type`: full name, e.g. `sensor_msgs/msg/Image`.
///
/// # Source
/// MCAP's registry of schema encodings, `ros2msg`.
pub fn schema(message_type: &str) -> Option<String> {
    let mut names = vec![message_type.replace("/msg/", "/")];
    let mut text = String::new();
    let mut next = 0;
    while let Some(name) = names.get(next).cloned() {
        let (_, definition) = DEFINITIONS.iter().find(|(known, _)| *known == name)?;
        if next > 0 {
            text += &format!("{}\nMSG: {name}\n", "=".repeat(80));
        }
        text += definition;
        for part in parts(&name, definition) {
            if !names.contains(&part) {
                names.push(part);
            }
        }
        next += 1;
    }
    Some(text)
}

/// The types of a definition's fields that are messages themselves; one without a package is of the same package.
fn parts<'a>(name: &'a str, definition: &'a str) -> impl Iterator<Item = String> + 'a {
    let package = name.split('/').next().unwrap_or_default();
    definition.lines().filter_map(move |line| {
        let field_type = line.split([' ', '[']).next()?;
        let is_message = field_type.contains(char::is_uppercase);
        is_message.then(|| if field_type.contains('/') { field_type.into() } else { format!("{package}/{field_type}") })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_types_come_once_each() {
        let text = schema("nav_msgs/msg/Odometry").unwrap();
        for part in ["std_msgs/Header", "builtin_interfaces/Time", "geometry_msgs/Vector3", "geometry_msgs/Quaternion"]
        {
            assert_eq!(text.matches(&format!("MSG: {part}\n")).count(), 1, "{part}");
        }
        assert!(text.starts_with("std_msgs/Header header\n"));
        assert_eq!(schema("std_msgs/msg/Nothing"), None);
    }

    #[test]
    fn every_known_type_is_complete() {
        for (name, _) in DEFINITIONS {
            assert!(schema(name).is_some(), "{name}");
        }
    }
}
