"""The words that tell one kind of query from another, whatever the shop sells."""

from __future__ import annotations

import re

from mercato.words import stem


def _stems(words: str) -> frozenset[str]:
    return frozenset(map(stem, words.split()))


FITS = re.compile(
    r"(?:^|\s)(?:compatible with|works? with|replacements? for|made for|fits?|to fit|for use with|for)\s"
    r"(?:an?\s|the\s|my\s|your\s)?(?P<target>[^\s].*)"
)
FITS_HAN = re.compile(r"适用于?|兼容|适配|通用|配件|替换")
ACCESSORIES = _stems(
    "charger case cover skin sleeve adapter cable cord battery dock mount stand bag strap screen protector protectors"
    " stylus cartridge toner ink drum refill refills filter blade blades bulb lamp remote lens part parts accessory"
    " accessories kit holder armband headset earbuds memory card dongle receiver antenna bracket pedestal hose tray"
    " replacement bits"
)
ACCESSORIES_HAN = re.compile(
    r"充电器|手机壳|保护[壳套膜]|贴膜|钢化膜|数据线|电池|墨盒|硒鼓|滤芯|支架|表带|耳机套|笔芯|替换头|刷头"
)
DEVICES = _stems(
    "iphone ipod ipad mac macbook imac kindle nook xbox playstation ps2 ps3 ps4 psp wii gamecube ds dsi 3ds nintendo"
    " android galaxy blackberry droid zune laptop notebook netbook tablet printer camera camcorder dslr tv hdtv phone"
    " cellphone smartphone gps dvd vcr projector washer dryer refrigerator fridge stove oven microwave dishwasher grill"
    " vacuum car truck suv jeep boat bike motorcycle keurig razor shaver toothbrush mop swiffer grinder coffeemaker"
    " humidifier guitar piano drums stroller walkman mp3 pc computer router monitor"
)
PEOPLE = _stems(
    "man men woman women kid kids boy boys girl girls child children baby babies infant newborn toddler teen teens"
    " teenager adult adults senior seniors elderly mom mother mum dad father grandma grandpa wife husband girlfriend"
    " boyfriend her him friend friends teacher teachers family dog dogs puppy cat cats kitten student students"
    " beginner beginners runner runners gamer gamers coworker boss guest guests diabetic diabetics vegetarian vegan"
)
OCCASIONS = _stems(
    "christmas easter halloween thanksgiving valentine valentines hanukkah birthday wedding anniversary"
    " graduation shower party parties picnic barbecue cookout camping hiking fishing hunting travel trip vacation"
    " beach pool school college dorm office work home kitchen bathroom bedroom garage garden yard lawn patio camp gym"
    " running jogging workout yoga swimming cooking baking grilling breakfast brunch lunch lunchbox dinner dessert"
    " snack gift gifts present presents summer winter spring fall autumn holiday holidays superbowl game movie night"
    " sleepover gardening cleaning laundry canning karaoke studio gaming homework road potluck tailgate tailgating"
    " decoration costume stocking tea emergency earthquake hurricane moving romantic"
)
OCCASIONS_HAN = re.compile(
    r"圣诞|春节|新年|中秋|端午|情人节|母亲节|父亲节|生日|结婚|婚礼|聚会|派对|野餐|烧烤|露营|旅行|旅游|上学|开学|办公"
    r"|送礼|礼物|早餐|夏季|冬季|运动|健身|户外"
)
SYMPTOMS = re.compile(
    r"(?<!\w)(?:(?:head|stomach|tooth|ear|back|belly|tummy|muscle|body)[\s-]?aches?|pains?|sore(?:ness)?|itch(?:y"
    r"|ing)?|cough(?:s|ing)?|sneez(?:e|ing)|(?:stuffy|runny|blocked) nose|congest(?:ion|ed)|fever|flu|colds|head cold"
    r"|nausea|heartburn|indigestion|acid reflux|upset stomach|constipat(?:ion|ed)|diarrhea|bloat(?:ed|ing)|gas relief"
    r"|cramps?|migraines?|allerg(?:y|ies)|hay fever|sinus pressure|rash|diaper rash|eczema|psoriasis|acne|pimples?"
    r"|wrinkles?|dandruff|(?:dry|oily|sensitive|cracked|chapped|flaky|itchy|red|tired|frizzy|damaged|thinning"
    r"|greasy)\s(?:skin|hair|lips?|eyes?|hands?|feet|heels?|scalp|cough|mouth|throat)|sunburn(?:ed|t)?|blisters?"
    r"|warts?|athlete'?s foot|bad breath|yellow teeth|sensitive teeth|bleeding|cuts?|scrapes?|bruises?|bug bites?"
    r"|insect bites?|lice|insomnia|can'?t sleep|trouble sleeping|hair loss|body odor|sweat(?:y|ing)|smelly|stinky"
    r"|odors?|stains?|stained|clog(?:ged)?|leak(?:s|y|ing)?|mold|mildew|rust(?:y)?|ants|roaches|mice|fleas|ticks"
    r"|weeds|scratch(?:ed|es)?|dust(?:y)?|dirty|fog(?:gy|ging)?|glare|noisy|static|buzzing|humming"
    r"|slow(?=.*(?:computer|laptop|pc|internet|drain))|crash(?:es|ed|ing)?|freez(?:es|ing)|virus(?:es)?|malware"
    r"|spyware|overheat(?:s|ed|ing)?|dead|dying|broken|cracked|lost|won'?t\s\w+|doesn'?t\s\w+|can'?t\s\w+"
    r"|not\sworking|no\s(?:signal|sound|reception|power|picture)|weak\s(?:signal|wifi|reception)|poor\s(?:signal"
    r"|reception)|hum(?:id|idity)|dry air|drafty|too\s(?:hot|cold|loud|dark|dry)|running out of|out of (?:space"
    r"|storage|memory)|hard water|wet basement)(?!\w)"
)
SYMPTOMS_HAN = re.compile(
    r"头痛|牙痛|咳嗽|鼻塞|流鼻涕|发烧|感冒|过敏|便秘|腹泻|失眠|脱发|掉发|头屑|痘|皱纹|干燥|干裂|出油|敏感肌|瘙痒|口臭"
    r"|异味|污渍|堵塞|漏水|发霉|蟑螂|蚊虫|卡顿|没信号|没声音|坏了"
)
SUBJECTIVE = _stems(
    "best good great nice cool cute pretty beautiful stylish trendy fancy cheap cheapest cheaper inexpensive"
    " affordable budget quality premium luxury fun funny awesome amazing popular top favorite perfect comfy cozy"
    " tasty yummy delicious healthy fresh modern classy sexy hot hottest unique weird loud bright strong easy simple"
    " reliable durable sturdy decent super ultimate kicks shades specs threads tunes flicks grub munchies booze brew"
    " bubbly smokes pop goodies treats cuppa java joe telly fridge tee hoodie undies sneakers trainers crib"
    " wheels gadget gadgets rad dope lit boombox zits loo nappies choccy veg veggies brekkie spuds snags"
)
SUBJECTIVE_HAN = re.compile(
    r"好看|好吃|好用|好喝|便宜|实惠|划算|性价比|高档|高级|时尚|潮流|网红|爆款|可爱|漂亮|舒服|耐用|推荐|最好"
)
ABBREVIATIONS = _stems(
    "tv tvs hd uhd lcd led dvr dvd cd cds dvds bd pc gps usb hdmi rgb vga svga dvi rj45 av ac dc sd sdhc ssd hdd ram"
    " cpu gpu psu os mp3 mp4 fm am cb rc dj pa eq abs bbq pb pbj oj tp spf otc vit vitc xl xxl xs sz bf rx xmas bday"
    " pkg med lg reg dslr slr vr ps2 ps3 ps4 xb360 x360 nds gba psp cod gta lotr hp iii iv ups rca w/ w/o"
)
MEASURES = frozenset(
    [
        "oz",
        "lb",
        "lbs",
        "ct",
        "pk",
        "pc",
        "qt",
        "pt",
        "gal",
        "doz",
        "dz",
        "in",
        "ft",
        "cu",
        "sq",
        "btu",
        "w",
        "v",
        "mah",
    ]
) | frozenset(["mb", "gb", "tb", "mhz", "ghz", "l", "ml", "mm", "cm", "mg", "g", "kg", "iu"])
"""Short for a unit, but only after a number: "in" is a word too."""
SIGNS = re.compile(r"""[0-9.]+\s?["'”″](?!\w)|[0-9.]+\s?%|[&+#@]|(?<!\w)w/|[0-9]\s?x\s?[0-9]|[0-9]/[0-9]|°""")
"""What is written with a sign instead of a word."""
