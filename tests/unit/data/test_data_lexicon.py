"""A retailer's abbreviations become what a shop would write."""

from __future__ import annotations

import re
from collections import Counter

import polars as pl
import pytest

from mercato.data.formats import completejourney
from mercato.data.lexicon import Lexicon, lexicon
from mercato.data.package_size import readable_size
from mercato.errors import DataError

PAIRS = """
SFT DRNK 2 LITER BTL CARB INCL||Soft drink, 2 liter bottle, carbonated
SFT DRNK SNGL SRV BTL CARB (EX||Soft drink, single-serve bottle, carbonated
SOFT DRINKS 12/18&15PK CAN CAR||Soft drink cans, 12, 15 or 18 pack, carbonated
FLUID MILK WHITE ONLY||Milk
FRZN SS PREMIUM ENTREES/DNRS/N||Frozen single-serve premium entrees and dinners
BEERALEMALT LIQUORS||Beer, ale and malt liquor
SALD DRSNG/SNDWCH SPRD||Salad dressing and sandwich spread
CANDY BARS (SINGLES)(INCLUDING||Candy bars, singles
MEXICAN SAUCESSALSAPICANTEE||Mexican sauce, salsa and picante
PREMIUM|ICE CREAM/MILK/SHERBTS|Premium ice cream
TRADITIONAL|ICE CREAM/MILK/SHERBTS|Traditional ice cream
PREMIUM|BACON|Premium bacon
MAINSTREAM|PASTA SAUCE|Pasta sauce, mainstream
CHOICE BEEF|BEEF|Beef, choice
PRIMAL|BEEF|Beef, primal cuts
LEAN|BEEF|Ground beef, lean
RIBS|BEEF|Beef ribs
RIBS|PORK|Pork ribs
MAYBELLINE|MAKEUP AND TREATMENT|Maybelline makeup
STICKS/ENROBED|FRZN NOVELTIES/WTR ICE|Ice cream bars, coated
BLENDS|SALAD MIX|Salad blend
REGULAR GARDEN|SALAD MIX|Garden salad mix
CORN|VEGETABLES - SHELF STABLE|Canned corn
BANANAS|TROPICAL FRUIT|Bananas
GRAPES RED|GRAPES|Red grapes
APPLES GALA (BULK&BAG)|APPLES|Gala apples
PEPPERS GREEN BELL|PEPPERS-ALL|Green bell peppers
POTATOES RUSSET (BULK&BAG)|POTATOES|Russet potatoes
TOMATOES GRAPE|TOMATOES|Grape tomatoes
ONIONS SWEET (BULK&BAG)|ONIONS|Sweet onions
SW GDS: SW ROLLS/DAN|BREAKFAST SWEETS|Sweet rolls and Danish
CHIX: ROTISSERIE (HOT)|CHICKEN/POULTRY|Rotisserie chicken, hot
MEAT: TURKEY BULK|DELI MEATS|Turkey breast, deli-sliced
CHEESE:SPECIALTY PREPACK|CHEESES|Specialty cheese, prepacked
EGGS - X-LARGE|EGGS|Extra-large eggs
YOGURT NOT MULTI-PACKS|YOGURT|Yogurt, single cup
IWS SINGLE CHEESE|CHEESE|Cheese slices, individually wrapped
RTS SOUP: CHUNKY/HOMESTYLE ET|SOUP|Ready-to-serve soup, chunky and homestyle
CATSUP||Ketchup
BBQ SAUCE||Barbecue sauce
STEAK & WORCHESTER SAUCE||Steak and Worcestershire sauce
WOMEN S GENERAL-MAGAZINE|MAGAZINE|Women's magazine
TEEN-MAGAZINE|MAGAZINE|Teen magazine
FEM. HYGN. TAMPONS|FEMININE HYGIENE|Tampons
ORAL HYGIENE BRUSHES||Toothbrushes
ADULT ANALGESICS||Pain relievers
COUGH SYRP/LOZNG-DRP/XPCTRNT||Cough syrup, drops and lozenges
ISOTONIC DRINKS SINGLE SERVE||Sports drink, single bottle
NON-CRBNTD DRNKING/MNERAL WATE||Drinking water, still
PLSTC CTLRYTBLCLTHSTTHPKSST||Plastic cutlery, tablecloths and toothpicks
INSIDE FROST BULBS||Light bulbs, frosted
SEAFOOD-FRZ-IQF RAW SHRIMP RW||Frozen raw shrimp
WHOLE TOMS (OVER 15LBS)|TURKEY|Whole tom turkey, over 15 lb
FRZN BRD STICK/PORTON||Frozen breaded fish sticks
MISC SNACKS||Snacks, other
DOG & CAT TOYS|PET CARE SUPPLIES|Dog and cat toys
DIAPERS & DISPOSABLES||Diapers and wipes
CONVENIENT BRKFST/WHLSM SNACKS||Breakfast bars and wholesome snacks
PNT BTR/JELLY/JAMS||Peanut butter, jelly and jam
FD WRAPS/BAGS/TRSH BG||Food wraps, bags and trash bags
REFRGRATD JUICES/DRNKS||Refrigerated juices and drinks
DRUG GM||Drugstore and general merchandise
GROCERY||Grocery
FITNESS&HEALTH-MAGAZINE|MAGAZINE|Fitness and health magazine
PANSIES|GARDEN CENTER|Pansies
BABY CREAMS & OINTMENTS|BABY HBC|Baby creams and ointments
CORN DOGS|FROZEN MEAT|Corn dogs
""".strip().splitlines()


@pytest.mark.parametrize("pair", PAIRS)
def test_readable(pair: str) -> None:
    text, category, wanted = pair.split("|")
    assert lexicon().readable(text, category) == wanted


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("2 L", "2 L"), ("16 OZ", "16 oz"), ("6 PK/12 OZ", "6 pk/12 oz"), ("300 CT(1)", "300 ct"), (".5  L", "0.5 L"),
        ("523467 CTN", ""), ("P     8 OZ", ""), ("", ""), ("12    OZ", "12 oz"), ("1/2 GAL", "1/2 gal"), ("OZ", ""),
        ("750 ML.", "750 ml"), ("HELLO KITT", ""), ("9 X12 IN", "9 x 12 in"), ("324103 8 CT", ""),
    ],
)  # fmt: skip
def test_readable_size(written: str, wanted: str) -> None:
    assert readable_size(written) == wanted


def test_every_title_of_the_retailer_reads_as_words() -> None:
    """Of 2,378 types (and their sales) hardly any keeps a word that looks like an abbreviation: no vowel, or a digit
    beside a letter."""
    folder = completejourney.find()
    assert folder is not None
    tables = [pl.scan_parquet(folder / f"{name}.parquet") for name in ("products", "transactions")]
    sold = tables[1].group_by("product_id").len()
    types = (
        tables[0].join(sold, on="product_id", how="left").drop_nulls(["product_type", "product_category"])
        .group_by("product_category", "product_type").agg(pl.col("len").sum()).collect()
    )  # fmt: skip
    odd, sales = Counter[str](), 0
    for category, text, count in types.iter_rows():
        title = lexicon().readable(text, category)
        assert title
        assert title == title.strip(" ,-/&")
        assert not re.search(r"[A-Z]{5,}|  |,,|[/&:(]", title), title
        sales += count
        if any(re.fullmatch(r"[bcdfghjklmnpqrstvwxz]{2,}", word) for word in re.findall(r"[a-z]+", title.lower())):
            odd[title] += count
    unknown = {
        title for title in odd if not re.search(r"\b(ml|lb|dvds?|cds?|tv|vhs|mlb|nfl|spf|mm|aps)\b", title.lower())
    }
    assert len(unknown) <= 0.01 * len(types), unknown
    assert sum(odd[title] for title in unknown) < 0.001 * sales


def test_a_malformed_line_is_named() -> None:
    with pytest.raises(DataError, match="lexicon line 2"):
        Lexicon.parse(["word\tDRNK\tdrink", "word\tDRNK"])
