/** A product in, its picture out: the shop's own photo, or a drawing on a tile tinted by category. */
import { pictureOf } from "./api.js";
import { h, svg } from "./dom.js";
import { PICTOGRAMS } from "./pictograms_more.js";

/* First match wins, so the special stands before the general. Matched against the deepest category and title first. */
const RULES = [
  ["popsicle", /novelt|popsicle|water ice|ice pop/], ["icecream", /ice cream|sherb|frozen yog|gelato/],
  ["pizza", /pizza/], ["pasta", /macaroni|lasagn|spaghetti(?! sauce)/], ["baby", /infant|baby ?food|formula|\bbaby\b(?! (carrot|spinach|bella|corn|greens|lettuce|potato|swiss))/], ["diaper", /diaper|incontinen|training pant/],
  ["pet", /\bcat\b|(?<!hot )\bdog\b|\bpet\b|bird seed|litter/], ["cleaning", /air care|clean|dishwash|bleach|insecticide|disinfect/],
  ["laundry", /laundry|fabric soft|ironing|detergent/], ["broom", /broom|mop/], ["teeth", /oral|tooth|denture|mouthwash/],
  ["hair", /\bhair|shampoo|conditioner/], ["shave", /shav|razor/], ["cosmetics", /makeup|cosmetic|lip|mascara|nail|fragrance/],
  ["soap", /soap|hand ?\/? ?body|lotion|bath wash|body wash|deodorant|suntan|facial prod|\bbath\b(?! tiss)|skin/],
  ["vitamins", /vitamin|nutrition|diet|fitness|supplement/],
  ["firstaid", /first aid|foot care|eye and ear|bandage|home health|feminine|family planning/],
  ["medicine", /analgesic|cold and flu|antacid|laxative|sinus|allergy|pharmac|smoking cess|medic|cough/],
  ["paper", /tissue|towel|napkin|paper/], ["bag", /\bwraps?\b|trash|foil|storage bag|sandwich bag/],
  ["card", /greeting|party|gift|valentine|christmas|easter|halloween|seasonal/], ["magazine", /magazine|newspaper|book/],
  ["flower", /floral|flower|rose|plant|bouquet|garden|lily/], ["toy", /toy|game/], ["candle", /candle/],
  ["bulb", /electric|batter|bulb|audio|video|film|camera|photo|phone|wireless/], ["pen", /station|school|office|sewing/],
  ["wear", /apparel|hosier|sock|shoe/], ["smoke", /cigar|tobacco/], ["grill", /charcoal|lighter fluid|propane/],
  ["kitchen", /cookware|bakeware|kitchen|gadget|glassware|dinnerware|plasticware|plastic house|houseware/],
  ["popcorn", /popcorn/], ["nuts", /\bnuts?\b|peanut(?! but)|almond|cashew/], ["jar", /peanut butter|jell(y|ies)|jams?\b|preserve|honey|pickle|relish|olive(?! oil)|dip\b|dips\b|salsa/],
  ["candy", /cand(y|ies)|chocolate bar|gum\b|mint/], ["cookie", /cookie|biscotti/], ["cracker", /cracker|rice cake|crouton/],
  ["chips", /chip|snack|pretzel|tortilla/], ["pastry", /donut|doughnut|sweet goods|breakfast sweet|pastr|danish|dessert(?!.*mix)|muffin/],
  ["cake", /\bcake|\bpies?\b|cupcake/], ["roll", /\brolls?\b|bun\b|buns\b|bagel|biscuit|dough/], ["bread", /bread|bak(ed|ery)/],
  ["cereal", /cereal|oatmeal|granola|breakfast bar|brkfst|breakfast(?!.*saus)/], ["bacon", /bacon/],
  ["sausage", /sausage|hot ?dog|frank|brat/], ["poultry", /chicken|turkey|poultry|fowl/],
  ["shrimp", /shrimp|crab|lobster|shell/], ["fish", /seafood|fish|tuna|salmon|sushi/], ["deli", /lunch ?meat|deli|sandwich|ham\b/],
  ["steak", /beef|pork|\bmeat|lamb|veal|steak|ribs/], ["soup", /soup|broth|chili|stew/], ["cheese", /cheese/],
  ["yogurt", /yogurt|yoghurt|sour cream|cottage/], ["butter", /butter|margarine|spread/], ["eggs", /\beggs?\b/],
  ["milk", /milk|dairy|cream/], ["tea", /\bteas?\b/], ["coffee", /coffee|cocoa|cappuccino/],
  ["sports", /isotonic|sports? drink|energy drink/], ["beer", /beer|\bales?\b|lager/], ["wine", /wine|champagne/], ["spirits", /liquor|spirit|vodka|rum\b|whisk/],
  ["water", /water/], ["juice", /juice|lemonade|drink mix|powder|nectar|\bade\b/],
  ["cans", /\bcans?\b.*(drink|soda|cola)|(drink|soda|cola).*(\bcans?\b|12 ?\/? ?(pk|pack)|\bpack\b)/], ["soda", /soft drink|soda|cola|drink|beverage/],
  ["pasta", /pasta(?! sauce)|noodle|macaroni|spaghetti(?! sauce)/], ["sauce", /sauce|ketchup|mustard|dress|condiment|gravy|vinegar|syrup|marinade|mayo/],
  ["oil", /\boil|shortening/], ["spice", /spice|extract|season|salt\b|pepper.*ground/], ["banana", /banana|tropical|plantain|pineapple|mango/],
  ["citrus", /citrus|orange|lemon|lime|grapefruit/], ["berries", /berr(y|ies)/], ["grapes", /grape|raisin/], ["melon", /melon/],
  ["apple", /apple|pear|peach|plum|cherr|fruit/], ["potato", /potato|fries|yam/], ["onion", /onion|garlic/], ["tomato", /tomato/],
  ["pepper", /pepper/], ["mushroom", /mushroom/], ["corn", /\bcorn\b/], ["carrot", /carrot|root veg/], ["leaf", /salad|lettuce|spinach|greens|cabbage/],
  ["herb", /herb/], ["broccoli", /broccoli|cauliflower|vegetable|veg\b|squash|bean/], ["grain", /rice|flour|sugar|sweeten|grain|meal|mix|baking|dry b/],
  ["can", /canned|shelf stable|can\b|hispanic/], ["frozen", /frozen|frzn|\bice\b/], ["bread", /pastry/], ["basket", /grocery|produce/],
  ["medicine", /drug/],
];

const seen = new Map();

/** The drawing's name for a product: by its deepest category and title, then by the whole path. */
export function drawingOf(product) {
  const path = product.categories?.[0] ?? "";
  const key = `${path}|${product.title}`;
  if (!seen.has(key)) {
    const parts = path.toLowerCase().split(" > ");
    const texts = [product.title.toLowerCase(), ...parts.reverse()];
    const vote = texts.map((text) => RULES.find(([, pattern]) => pattern.test(text))?.[0]);
    const [byTitle, ...byPath] = vote;
    seen.set(key, byTitle ?? byPath.find(Boolean) ?? "bag");
  }
  return seen.get(key);
}

/** A small stable number from text, for variation that never flickers. */
export function hashOf(text) {
  let value = 2166136261;
  for (const letter of text) value = Math.imul(value ^ letter.codePointAt(0), 16777619);
  return value >>> 0;
}

/** One drawing as SVG. */
export function drawing(name, className = "drawing") {
  const strokes = PICTOGRAMS[name].slice(1);
  return svg("svg", { viewBox: "0 0 64 64", class: className, "aria-hidden": "true", focusable: "false" },
    ...strokes.map((d) => svg("path", { d: d.replace("+", ""), class: d.startsWith("+") ? "tinted" : "" })));
}

/** The tile: a picture if there is one, else the drawing over a soft shape in its hue. */
export function tile(product, extra = []) {
  if (product.image) {
    return h("span", { class: "tile photo" }, h("img", { src: pictureOf(product), alt: "", loading: "lazy" }), ...extra);
  }
  const name = drawingOf(product);
  const chance = hashOf(String(product.id));
  const element = h("span", { class: `tile shape-${chance % 4}` }, drawing(name), ...extra);
  element.style.setProperty("--hue", String((PICTOGRAMS[name][0] + (chance >> 4) % 17 - 8 + 360) % 360));
  return element;
}
