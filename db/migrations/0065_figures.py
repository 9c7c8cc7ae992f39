"""What the dashboard counts besides: when a notice was first accepted, and what became of each card that was posted.

Rows from before are filled as well as they can be told; their counters by `todoke metrics rebuild` (docs/dashboard.md).
"""

from db.schema import execute_script

COLUMNS = """
ALTER TABLE message ADD COLUMN first_sent_at BIGINT;
ALTER TABLE shipment ADD COLUMN prefecture TEXT NOT NULL DEFAULT '';
ALTER TABLE shipment ADD COLUMN missed TEXT NOT NULL DEFAULT '';
UPDATE message SET first_sent_at = COALESCE((SELECT MIN(attempt.replied_at) FROM attempt
 WHERE attempt.message_id = message.id AND attempt.state = 'accepted'), sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX shipment_accepted ON shipment (accepted_on, id);
"""

# The address to which a card goes, by the rule of the delivery address (docs/card.md).
ADDRESS = """
SELECT shipment.id FROM shipment JOIN card ON card.id = shipment.card_id
 JOIN registration ON registration.id = card.registration_id JOIN technician ON technician.id = card.technician_id
WHERE substr(CASE WHEN card.delivery_postal_code <> '' AND card.delivery_address <> '' THEN card.delivery_address
 WHEN registration.delivery_postal_code <> '' AND registration.delivery_address <> ''
 THEN registration.delivery_address ELSE technician.address END, 1, {length}) = '{name}'
"""
PREFECTURES = """
北海道 青森県 岩手県 宮城県 秋田県 山形県 福島県 茨城県 栃木県 群馬県 埼玉県 千葉県 東京都 神奈川県 新潟県 富山県
石川県 福井県 山梨県 長野県 岐阜県 静岡県 愛知県 三重県 滋賀県 京都府 大阪府 兵庫県 奈良県 和歌山県 鳥取県 島根県
岡山県 広島県 山口県 徳島県 香川県 愛媛県 高知県 福岡県 佐賀県 長崎県 熊本県 大分県 宮崎県 鹿児島県 沖縄県
"""
MISSED = """
UPDATE shipment SET missed = '{missed}' WHERE EXISTS (SELECT 1 FROM tracking_event e
 WHERE e.number = shipment.number AND e.event = '{missed}' AND e.at >= shipment.accepted_on)
"""


def up(migrator, db):
    execute_script(db, COLUMNS)
    if db.execute_sql("SELECT 1 FROM shipment LIMIT 1").fetchone() is None:
        return
    for name in PREFECTURES.split():
        mine = ADDRESS.format(name=name, length=len(name))
        db.execute_sql(f"UPDATE shipment SET prefecture = '{name}' WHERE id IN ({mine})")
    # The worst that happened stands, so the mildest is written first.
    for missed in ("absent", "kept", "returned"):
        db.execute_sql(MISSED.format(missed=missed))


def down(migrator, db):
    db.execute_sql("DROP INDEX shipment_accepted")
    db.execute_sql("ALTER TABLE shipment DROP COLUMN missed")
    db.execute_sql("ALTER TABLE shipment DROP COLUMN prefecture")
    db.execute_sql("ALTER TABLE message DROP COLUMN first_sent_at")
