//! What surfaces are made of.

use super::{building, objects, pictures};

/// Red, green, blue; each 0 to 1.
pub type Color = [f32; 3];

/// A color at each point of a surface: x to the right, y down, in metres from the upper left corner.
pub type Pattern = Box<dyn Fn(f32, f32) -> Color>;

/// What a surface is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Material {
    /// Bare paint: nothing to see but light and shade.
    Plain(Color),
    /// Rough plaster.
    Plaster(Color),
    /// Printed wallpaper: one of [`Material::WALLPAPERS`] styles, color of the ground and of the print.
    Wallpaper(usize, Color, Color),
    /// Bricks.
    Bricks(Color),
    /// Square tiles of this size (m) with grout between.
    Tiles(f32, Color),
    /// A floor of wooden boards.
    Planks(Color),
    /// A wooden board.
    Wood(Color),
    /// Wooden cupboard doors with handles.
    Cupboard(Color),
    /// Woven cloth of two colors.
    Cloth(Color, Color),
    /// A rug with a border, of two colors.
    Rug(Color, Color),
    /// A framed picture.
    Picture,
    /// Shelves full of books.
    Books,
    /// A window with a view.
    Window,
    /// A television or monitor.
    Screen,
    /// Leaves of a plant.
    Leaves(Color),
    /// A kitchen machine with its controls.
    Appliance,
    /// A clothed person, head to toe.
    Person(Color, Color),
}

impl Material {
    /// Number of wallpaper styles.
    pub const WALLPAPERS: usize = 5;

    /// The pattern of a surface of this size (m). The same seed gives the same pattern.
    pub fn pattern(self, seed: u64, size: [f32; 2]) -> Pattern {
        match self {
            Self::Plain(color) => Box::new(move |_, _| color),
            Self::Plaster(color) => building::plaster(seed, color),
            Self::Wallpaper(style, ground, print) => building::wallpaper(seed, style, ground, print),
            Self::Bricks(color) => building::bricks(seed, color),
            Self::Tiles(side, color) => building::tiles(seed, side, color),
            Self::Planks(color) => building::planks(seed, color),
            Self::Wood(color) => objects::wood(seed, color, size),
            Self::Cupboard(color) => objects::cupboard(seed, color, size),
            Self::Cloth(a, b) => objects::cloth(seed, a, b),
            Self::Rug(a, b) => objects::rug(seed, a, b, size),
            Self::Picture => pictures::picture(seed, size),
            Self::Books => pictures::books(seed, size),
            Self::Window => pictures::window(seed, size),
            Self::Screen => pictures::screen(seed, size),
            Self::Leaves(color) => objects::leaves(seed, color),
            Self::Appliance => objects::appliance(seed, size),
            Self::Person(shirt, trousers) => objects::person(seed, shirt, trousers, size),
        }
    }
}
