//! The catalogue of furniture: each piece is a few boxes in its own frame.

use super::surface::Block;
use crate::simulation::random::Random;
use crate::simulation::texture::{Color, Material};

/// A piece of furniture: its middle on the floor is the frame's origin, its back at `depth / 2`.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Width (m).
    pub width: f64,
    /// Depth (m).
    pub depth: f64,
    /// Height (m).
    pub height: f64,
    /// Its boxes.
    pub blocks: Vec<Block>,
}

/// Kinds of furniture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Sofa,
    Armchair,
    Bookshelf,
    Sideboard,
    Television,
    Plant,
    Counter,
    Fridge,
    Bed,
    Wardrobe,
    Nightstand,
    Desk,
    Chair,
    Table,
    LowTable,
    Crates,
    Lamp,
    Bench,
}

fn block(min: [f64; 3], max: [f64; 3], front: Material, sides: Material, top: Material) -> Block {
    Block { min, max, front, sides, top }
}
fn solid(min: [f64; 3], max: [f64; 3], material: Material) -> Block {
    block(min, max, material, material, material)
}

fn color(random: &mut Random) -> Color {
    let hue = random.between(0.0, std::f64::consts::TAU);
    let part = |shift: f64| (0.5 + 0.3 * (hue + shift).cos()) as f32;
    [part(0.0), part(2.1), part(4.2)].map(|c| (c * random.between(0.8, 1.2) as f32).clamp(0.08, 0.95))
}

fn timber(random: &mut Random) -> Color {
    let tones = [[0.72, 0.53, 0.34], [0.5, 0.34, 0.2], [0.85, 0.74, 0.58], [0.36, 0.24, 0.16], [0.88, 0.86, 0.82]];
    tones[random.below(tones.len())]
}

/// Four legs under a rectangle.
fn legs(half: [f64; 2], height: f64, thickness: f64, material: Material) -> impl Iterator<Item = Block> {
    [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)].into_iter().map(move |(sx, sy)| {
        let (x, y) = (sx * (half[0] - thickness / 2.0 - 0.02), sy * (half[1] - thickness / 2.0 - 0.02));
        let t = thickness / 2.0;
        solid([x - t, y - t, 0.0], [x + t, y + t, height], material)
    })
}

impl Kind {
    /// Draws a piece of this kind.
    pub fn piece(self, random: &mut Random) -> Piece {
        let tone = timber(random);
        let wood = Material::Wood(tone);
        let (a, b) = (color(random), color(random));
        let cloth = Material::Cloth(a, b);
        let mut r = |low: f64, high: f64| random.between(low, high);
        let (width, depth, height, blocks) = match self {
            Self::Sofa | Self::Armchair => {
                let (w, d, h) =
                    (if self == Self::Sofa { r(1.5, 2.0) } else { r(0.75, 0.9) }, r(0.75, 0.85), r(0.75, 0.9));
                let (x, y) = (w / 2.0, d / 2.0);
                let pillow = Material::Cloth(b, a);
                (
                    w,
                    d,
                    h,
                    vec![
                        solid([-x + 0.16, -y, 0.0], [x - 0.16, y - 0.2, 0.43], cloth),
                        solid([-x, y - 0.2, 0.0], [x, y, h], cloth),
                        solid([-x, -y, 0.0], [-x + 0.16, y - 0.2, 0.6], cloth),
                        solid([x - 0.16, -y, 0.0], [x, y - 0.2, 0.6], cloth),
                        solid([-x + 0.2, y - 0.34, 0.43], [-x + 0.55, y - 0.2, 0.74], pillow),
                    ],
                )
            }
            Self::Bookshelf => {
                let (w, d, h) = (r(0.8, 1.3), r(0.28, 0.34), r(1.5, 2.1));
                (w, d, h, vec![block([-w / 2.0, -d / 2.0, 0.0], [w / 2.0, d / 2.0, h], Material::Books, wood, wood)])
            }
            Self::Sideboard | Self::Wardrobe => {
                let tall = self == Self::Wardrobe;
                let (w, d) = (r(1.1, 1.6), if tall { r(0.52, 0.6) } else { r(0.38, 0.46) });
                let h = if tall { r(1.85, 2.2) } else { r(0.75, 0.95) };
                let mut blocks =
                    vec![block([-w / 2.0, -d / 2.0, 0.0], [w / 2.0, d / 2.0, h], Material::Cupboard(tone), wood, wood)];
                if !tall {
                    let x = r(-w / 2.0 + 0.2, w / 2.0 - 0.45);
                    blocks.push(block([x, -0.02, h], [x + 0.26, 0.02, h + 0.34], Material::Picture, wood, wood));
                    blocks.push(solid([-x - 0.1, -0.06, h], [-x + 0.03, 0.07, h + 0.24], Material::Cloth(b, a)));
                }
                (w, d, h, blocks)
            }
            Self::Television => {
                let (w, d, h) = (r(1.2, 1.5), 0.42, 0.48);
                let black = Material::Plain([0.06, 0.06, 0.07]);
                (
                    w,
                    d,
                    1.2,
                    vec![
                        block([-w / 2.0, -d / 2.0, 0.0], [w / 2.0, d / 2.0, h], Material::Cupboard(tone), wood, wood),
                        block([-0.5, 0.05, h + 0.06], [0.5, 0.1, h + 0.66], Material::Screen, black, black),
                        solid([-0.2, 0.0, h], [0.2, 0.15, h + 0.06], black),
                    ],
                )
            }
            Self::Plant => {
                let (s, h) = (r(0.3, 0.42), r(0.9, 1.5));
                let p = s * 0.38;
                let green = Material::Leaves([0.3 * a[0] + 0.12, 0.62, 0.25]);
                (
                    s,
                    s,
                    h,
                    vec![
                        solid([-p, -p, 0.0], [p, p, 0.3], Material::Tiles(0.07, a)),
                        solid([-0.025, -0.025, 0.3], [0.025, 0.025, 0.55], wood),
                        solid([-s / 2.0, -s / 2.0, 0.55], [s / 2.0, s / 2.0, h], green),
                        solid([-s / 3.0, -s / 3.0, h], [s / 3.0, s / 3.0, h + 0.18], green),
                    ],
                )
            }
            Self::Counter => {
                let (w, d) = (r(1.4, 2.0), 0.6);
                let stone = Material::Plaster([0.4 + 0.3 * b[0], 0.5, 0.5]);
                let (x, y) = (w / 2.0, d / 2.0);
                (
                    w,
                    d,
                    2.1,
                    vec![
                        block([-x, -y + 0.03, 0.0], [x - 0.62, y, 0.86], Material::Cupboard(tone), wood, wood),
                        block([x - 0.62, -y + 0.03, 0.0], [x, y, 0.86], Material::Appliance, wood, wood),
                        solid([-x, -y, 0.86], [x, y, 0.9], stone),
                        block([-x, y - 0.015, 0.9], [x, y, 1.42], Material::Tiles(0.1, b), stone, stone),
                        block([-x, y - 0.34, 1.42], [x, y, 2.1], Material::Cupboard(tone), wood, wood),
                        block([-x + 0.15, -0.1, 0.9], [-x + 0.42, 0.12, 1.12], Material::Appliance, stone, stone),
                        solid([0.05, 0.0, 0.9], [0.17, 0.12, 1.15], Material::Cloth(a, b)),
                    ],
                )
            }
            Self::Fridge => {
                let h = r(1.6, 1.95);
                let white = Material::Plaster([0.85, 0.86, 0.87]);
                (
                    0.6,
                    0.62,
                    h,
                    vec![
                        block([-0.3, -0.31, 0.0], [0.3, 0.31, h], Material::Cupboard([0.84, 0.85, 0.86]), white, white),
                        block(
                            [-0.2, -0.316, h * 0.55],
                            [0.08, -0.31, h * 0.55 + 0.36],
                            Material::Picture,
                            white,
                            white,
                        ),
                    ],
                )
            }
            Self::Bed => {
                let (w, d) = (r(1.2, 1.6), 2.0);
                let (x, y) = (w / 2.0, d / 2.0);
                let white = Material::Cloth([0.92, 0.92, 0.9], [0.75, 0.78, 0.84]);
                (
                    w,
                    d,
                    1.0,
                    vec![
                        solid([-x, -y, 0.0], [x, y, 0.3], wood),
                        solid([-x + 0.02, -y + 0.02, 0.3], [x - 0.02, y - 0.08, 0.5], cloth),
                        solid([-x, y - 0.06, 0.0], [x, y, 1.0], wood),
                        solid([-x + 0.12, y - 0.5, 0.5], [-0.06, y - 0.1, 0.6], white),
                        solid([0.06, y - 0.5, 0.5], [x - 0.12, y - 0.1, 0.6], white),
                    ],
                )
            }
            Self::Nightstand => (
                0.42,
                0.38,
                0.8,
                vec![
                    block([-0.21, -0.19, 0.0], [0.21, 0.19, 0.5], Material::Cupboard(tone), wood, wood),
                    solid([-0.02, -0.02, 0.5], [0.02, 0.02, 0.64], wood),
                    solid([-0.11, -0.11, 0.64], [0.11, 0.11, 0.84], Material::Cloth([0.95, 0.9, 0.72], a)),
                ],
            ),
            Self::Desk => {
                let (w, d) = (r(1.2, 1.5), 0.62);
                let black = Material::Plain([0.1, 0.1, 0.11]);
                let x = w / 2.0;
                (
                    w,
                    d,
                    1.25,
                    vec![
                        solid([-x, -0.31, 0.72], [x, 0.31, 0.75], wood),
                        block([x - 0.4, -0.29, 0.0], [x, 0.31, 0.72], Material::Cupboard(tone), wood, wood),
                        solid([-x, -0.29, 0.0], [-x + 0.04, 0.31, 0.72], wood),
                        block([-0.42, 0.08, 0.83], [0.14, 0.11, 1.18], Material::Screen, black, black),
                        solid([-0.2, 0.05, 0.75], [-0.08, 0.16, 0.83], black),
                        block([0.3, -0.02, 0.75], [x - 0.08, 0.22, 1.03], Material::Books, wood, wood),
                    ],
                )
            }
            Self::Chair => (0.44, 0.44, 0.92, {
                let mut blocks: Vec<Block> = legs([0.22, 0.22], 0.44, 0.045, wood).collect();
                blocks.push(solid([-0.22, -0.22, 0.44], [0.22, 0.22, 0.49], cloth));
                blocks.push(solid([-0.22, 0.18, 0.49], [0.22, 0.22, 0.92], wood));
                blocks
            }),
            Self::Table | Self::LowTable => {
                let low = self == Self::LowTable;
                let (w, d, h) = if low { (r(0.6, 0.9), r(0.45, 0.55), 0.42) } else { (r(0.9, 1.2), r(0.7, 0.8), 0.75) };
                let mut blocks: Vec<Block> = legs([w / 2.0, d / 2.0], h - 0.04, 0.06, wood).collect();
                blocks.push(solid([-w / 2.0, -d / 2.0, h - 0.04], [w / 2.0, d / 2.0, h], wood));
                blocks.push(solid([-0.2, -0.12, h], [0.0, 0.06, h + 0.12], Material::Cloth(a, b)));
                blocks.push(solid([0.1, -0.05, h], [0.24, 0.09, h + 0.22], Material::Leaves([0.35, 0.6, 0.3])));
                (w, d, h, blocks)
            }
            Self::Crates => {
                let s = r(0.36, 0.46);
                (
                    2.0 * s,
                    s,
                    2.0 * s,
                    vec![
                        solid([-s, -s / 2.0, 0.0], [0.0, s / 2.0, s], Material::Cloth(a, b)),
                        solid([0.01, -s / 2.0, 0.0], [s, s / 2.0, s], Material::Wood(a)),
                        block([-0.7 * s, -s / 2.0, s], [0.2 * s, s / 2.0, 1.8 * s], Material::Picture, wood, wood),
                    ],
                )
            }
            Self::Lamp => {
                let h = r(1.4, 1.7);
                (
                    0.34,
                    0.34,
                    h,
                    vec![
                        solid([-0.14, -0.14, 0.0], [0.14, 0.14, 0.03], wood),
                        solid([-0.015, -0.015, 0.03], [0.015, 0.015, h - 0.28], wood),
                        solid([-0.17, -0.17, h - 0.28], [0.17, 0.17, h], Material::Cloth([0.96, 0.9, 0.7], a)),
                    ],
                )
            }
            Self::Bench => {
                let w = r(0.7, 0.95);
                (
                    w,
                    0.3,
                    0.5,
                    vec![
                        block([-w / 2.0, -0.15, 0.0], [w / 2.0, 0.15, 0.45], Material::Books, wood, wood),
                        solid([-w / 2.0, -0.15, 0.45], [w / 2.0, 0.15, 0.5], cloth),
                    ],
                )
            }
        };
        Piece { width, depth, height, blocks }
    }
}
