"""Invented people and businesses: names that nobody owns together, real postal codes and towns, mail under .example."""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass

# Real postal codes with the prefecture, city and town that they stand for (Japan Post, KEN_ALL, October 2026).
PLACES = (
    ("0600042", "北海道札幌市中央区大通西"),
    ("0010010", "北海道札幌市北区北十条西"),
    ("9800811", "宮城県仙台市青葉区一番町"),
    ("9800021", "宮城県仙台市青葉区中央"),
    ("9500087", "新潟県新潟市中央区東大通"),
    ("3100015", "茨城県水戸市宮町"),
    ("3200026", "栃木県宇都宮市馬場通り"),
    ("3710024", "群馬県前橋市表町"),
    ("3300061", "埼玉県さいたま市浦和区常盤"),
    ("3360021", "埼玉県さいたま市南区別所"),
    ("2600013", "千葉県千葉市中央区中央"),
    ("2630023", "千葉県千葉市稲毛区緑町"),
    ("2720023", "千葉県市川市南八幡"),
    ("1000013", "東京都千代田区霞が関"),
    ("1010021", "東京都千代田区外神田"),
    ("1130033", "東京都文京区本郷"),
    ("1600022", "東京都新宿区新宿"),
    ("1500041", "東京都渋谷区神南"),
    ("1700005", "東京都豊島区南大塚"),
    ("1350016", "東京都江東区東陽"),
    ("1210011", "東京都足立区中央本町"),
    ("1900012", "東京都立川市曙町"),
    ("2310015", "神奈川県横浜市中区尾上町"),
    ("2210056", "神奈川県横浜市神奈川区金港町"),
    ("2520231", "神奈川県相模原市中央区相模原"),
    ("9300083", "富山県富山市総曲輪"),
    ("9200919", "石川県金沢市南町"),
    ("9100005", "福井県福井市大手"),
    ("4000031", "山梨県甲府市丸の内"),
    ("3800836", "長野県長野市南県町"),
    ("5008384", "岐阜県岐阜市薮田南"),
    ("4200852", "静岡県静岡市葵区紺屋町"),
    ("4600008", "愛知県名古屋市中区栄"),
    ("4640850", "愛知県名古屋市千種区今池"),
    ("4500002", "愛知県名古屋市中村区名駅"),
    ("5140033", "三重県津市丸之内"),
    ("5200044", "滋賀県大津市京町"),
    ("6040857", "京都府京都市中京区蒔絵屋町"),
    ("6008216", "京都府京都市下京区東塩小路町"),
    ("5300001", "大阪府大阪市北区梅田"),
    ("5420086", "大阪府大阪市中央区西心斎橋"),
    ("5560011", "大阪府大阪市浪速区難波中"),
    ("5780941", "大阪府東大阪市岩田町"),
    ("6500021", "兵庫県神戸市中央区三宮町"),
    ("6700012", "兵庫県姫路市本町"),
    ("6300213", "奈良県生駒市東生駒"),
    ("6408156", "和歌山県和歌山市七番丁"),
    ("6800011", "鳥取県鳥取市東町"),
    ("6900816", "島根県松江市北陵町"),
    ("7000822", "岡山県岡山市北区表町"),
    ("7300013", "広島県広島市中区八丁堀"),
    ("7530072", "山口県山口市大手町"),
    ("7700831", "徳島県徳島市寺島本町西"),
    ("7600017", "香川県高松市番町"),
    ("7900001", "愛媛県松山市一番町"),
    ("7800870", "高知県高知市本町"),
    ("8100001", "福岡県福岡市中央区天神"),
    ("8120011", "福岡県福岡市博多区博多駅前"),
    ("8400815", "佐賀県佐賀市天神"),
    ("8500057", "長崎県長崎市大黒町"),
    ("8600806", "熊本県熊本市中央区花畑町"),
    ("8700021", "大分県大分市府内町"),
    ("8800805", "宮崎県宮崎市橘通東"),
    ("8920846", "鹿児島県鹿児島市加治屋町"),
    ("9000014", "沖縄県那覇市松尾"),
)
_FAMILY_NAMES = """
佐藤/サトウ 鈴木/スズキ 高橋/タカハシ 田中/タナカ 伊藤/イトウ 渡辺/ワタナベ 山本/ヤマモト 中村/ナカムラ
小林/コバヤシ 加藤/カトウ 吉田/ヨシダ 山田/ヤマダ 佐々木/ササキ 山口/ヤマグチ 松本/マツモト 井上/イノウエ
木村/キムラ 林/ハヤシ 清水/シミズ 斎藤/サイトウ 髙橋/タカハシ 山﨑/ヤマザキ 𠮷田/ヨシダ 渡邉/ワタナベ
阿部/アベ 森/モリ 池田/イケダ 橋本/ハシモト 石川/イシカワ 前田/マエダ 藤田/フジタ 後藤/ゴトウ 岡田/オカダ
長谷川/ハセガワ 村上/ムラカミ 近藤/コンドウ 石井/イシイ 坂本/サカモト 遠藤/エンドウ 青木/アオキ
"""
_GIVEN_NAMES = """
健一/ケンイチ 浩/ヒロシ 誠/マコト 大輔/ダイスケ 翔太/ショウタ 拓也/タクヤ 直樹/ナオキ 和也/カズヤ 達也/タツヤ
剛/ツヨシ 学/マナブ 進/ススム 勝/マサル 茂/シゲル 隆/タカシ 修/オサム 陽子/ヨウコ 恵子/ケイコ 美咲/ミサキ
由美/ユミ 愛/アイ 結衣/ユイ 蓮/レン 悠真/ユウマ 颯太/ソウタ 陸/リク 一郎/イチロウ 次郎/ジロウ 三郎/サブロウ
久美子/クミコ
"""
_TRADES = """
とび工 鉄筋工 型枠大工 左官 電気工事 配管工 塗装工 内装仕上工 土木 解体工 溶接工 防水工
"""
_QUALIFICATIONS = """
足場の組立て等作業主任者 玉掛け技能講習 高所作業車運転技能講習 フルハーネス型墜落制止用器具特別教育
職長・安全衛生責任者教育 第一種電気工事士 第二種電気工事士 1級とび技能士 1級鉄筋施工技能士 2級左官技能士
車両系建設機械運転技能講習 ガス溶接技能講習
"""
_INSURANCE = """
協会けんぽ・厚生年金・雇用保険 建設国保・厚生年金・雇用保険 国民健康保険・国民年金
組合健保・厚生年金・雇用保険
"""
_COMPANIES = """
青空/アオゾラ 北斗/ホクト みどり野/ミドリノ 東陽/トウヨウ 大地/ダイチ はやぶさ/ハヤブサ 三つ葉/ミツバ
若草/ワカクサ しらかば/シラカバ 大和路/ヤマトジ 潮見/シオミ 富士見台/フジミダイ かもめ/カモメ 桜坂/サクラザカ
"""
_COMPANY_KINDS = """
建設株式会社/ケンセツ 工務店/コウムテン 組/グミ 電設有限会社/デンセツ 塗装/トソウ
"""


def _pairs(text: str) -> list[list[str]]:
    return [word.split("/") for word in text.split()]


FAMILY_NAMES = _pairs(_FAMILY_NAMES)
GIVEN_NAMES = _pairs(_GIVEN_NAMES)
TRADES = _TRADES.split()
QUALIFICATIONS = _QUALIFICATIONS.split()
INSURANCE = _INSURANCE.split()
COMPANIES = _pairs(_COMPANIES)
COMPANY_KINDS = _pairs(_COMPANY_KINDS)


@dataclass(frozen=True)
class Person:
    """An invented technician, in the words of an import file."""

    name: str
    kana: str
    birth_date: dt.date
    postal_code: str
    address: str
    cells: dict[str, str]


def businesses(chance: random.Random, count: int) -> Iterator[dict[str, str]]:
    """Yield businesses as rows of an import file; the first ones are the cast that the demo's stories name."""
    for n in range(count):
        stem, stem_kana = COMPANIES[n % len(COMPANIES)]
        kind, kind_kana = COMPANY_KINDS[(n // len(COMPANIES) + n) % len(COMPANY_KINDS)]
        postal_code, town = chance.choice(PLACES)
        turn = n // (len(COMPANIES) * len(COMPANY_KINDS))
        suffix = f"第{turn + 1}" if turn else ""
        yield {
            "事業者ID": f"{80_000_000_000_000 + n * 7919:014}",
            "名称": f"{stem}{kind}{suffix}",
            "名称カナ": f"{stem_kana}{kind_kana}",
            "メールアドレス": f"jimu@company{n:05}.example",
            "郵便番号": postal_code,
            "住所": f"{town}{chance.randint(1, 5)}-{chance.randint(1, 20)}-{chance.randint(1, 15)}",
            "電話番号": f"00-{chance.randint(1000, 9999)}-{chance.randint(1000, 9999)}",
        }


def person(chance: random.Random, mail_domain: str | None, number: int) -> Person:
    """Return an invented technician whose mail goes to a domain of the catcher's table; None: without an address."""
    family, family_kana = chance.choice(FAMILY_NAMES)
    given, given_kana = chance.choice(GIVEN_NAMES)
    postal_code, town = chance.choice(PLACES)
    block = f"{chance.randint(1, 6)}-{chance.randint(1, 24)}-{chance.randint(1, 18)}"
    house = chance.choice(
        ("", "", "", f"　コーポ若葉{chance.randint(101, 412)}号", f"　第二青葉荘{chance.randint(1, 12)}")
    )
    birth = dt.date(1958, 1, 1) + dt.timedelta(days=chance.randint(0, 17_500))
    trades = chance.sample(TRADES, chance.choice((1, 1, 2)))
    return Person(
        name=f"{family} {given}",
        kana=f"{family_kana} {given_kana}",
        birth_date=birth,
        postal_code=postal_code,
        address=f"{town}{block}{house}",
        cells={
            "氏名": f"{family} {given}",
            "氏名カナ": f"{family_kana} {given_kana}",
            "生年月日": birth.isoformat(),
            "郵便番号": postal_code,
            "住所": f"{town}{block}{house}",
            "電話番号": f"090-{chance.randint(1000, 9999)}-{chance.randint(1000, 9999)}",
            "メールアドレス": f"p{number:06}@{mail_domain}" if mail_domain else "",
            "言語": "en" if chance.random() < 0.06 else "ja",
            "職種": ";".join(trades),
            "資格": ";".join(chance.sample(QUALIFICATIONS, chance.randint(0, 4))),
            "就業日数": str(chance.randint(0, 2400)),
            "社会保険": chance.choice(INSURANCE),
            "建退共": chance.choice(("加入", "加入", "未加入")),
            "レベル": str(chance.choice((1, 1, 2, 2, 3, 4))),
        },
    )
