"""Simplified Chinese."""

from typing import Final

from apps.report_gen.findings import Lobe, Side
from apps.report_gen.grammar.words import Words

CHINESE: Final = Words(
    code="zh",
    names={
        "lung_nodule": ("肺结节", "结节影"),
        "mass": ("肺肿块", "肿块影"),
        "lung_opacity": ("磨玻璃影", "磨玻璃密度影"),
        "consolidation": ("实变", "实变影"),
        "atelectasis": ("肺不张", "膨胀不全"),
        "emphysema": ("肺气肿", "肺气肿改变"),
        "pleural_effusion": ("胸腔积液", "胸膜腔液体"),
        "pneumothorax": ("气胸", "胸膜腔积气"),
        "cardiomegaly": ("心脏增大", "心影增大"),
        "pericardial_effusion": ("心包积液", "心包腔液体"),
        "arterial_calcification": ("动脉壁钙化", "主动脉壁钙化"),
        "coronary_calcification": ("冠状动脉钙化", "冠状动脉壁钙化"),
        "hiatal_hernia": ("食管裂孔疝", "胃经食管裂孔疝入胸腔"),
    },
    plural={"lung_nodule": "肺结节", "mass": "肺肿块"},
    lobes={
        Lobe.RIGHT_UPPER: "右肺上叶",
        Lobe.RIGHT_MIDDLE: "右肺中叶",
        Lobe.RIGHT_LOWER: "右肺下叶",
        Lobe.LEFT_UPPER: "左肺上叶",
        Lobe.LEFT_LOWER: "左肺下叶",
    },
    sides={Side.RIGHT: "右侧", Side.LEFT: "左侧", Side.BOTH: "双侧"},
    found={
        "focal": (
            "{place}见一{name}，最大径{size}。",
            "{place}可见大小约{size}的{name}。",
            "{place}有一枚{size}的{name}。",
        ),
        "lobed": ("{place}可见{name}。", "{place}见{name}。", "于{place}显示{name}。"),
        "sided": ("{place}可见{name}。", "{place}见{name}。", "{place}存在{name}。"),
        "plain": ("可见{name}。", "存在{name}。", "检查示{name}。"),
    },
    possible=("可疑{name}，请核对。", "{name}难以确定。", "本次检查不能肯定有无{name}。"),
    none_of=("未见{list}。", "未见明确{list}。", "无{list}征象。"),
    yes=("针对所问：有{name}。", "所询{name}：存在。", "对于临床疑问，{name}成立。"),
    no=("针对所问：无{name}。", "所询{name}：未见。", "对于临床疑问，{name}不成立。"),
    unsure=("针对所问：{name}不能确定。", "所询{name}：难以判断。"),
    summary={
        "focal": (
            "{place}{name}，{size}。", "{place}单发{name}，径{size}。",
            "{size}的{name}，位于{place}。",
        ),
        "several": ("{place}{plural}共{count}枚，最大{size}。",
            "{count}枚{plural}，{place}，最大者{size}。"),
        "sided": ("{place}{name}。", "诊断意见：{place}{name}。", "考虑{place}{name}。"),
        "plain": ("{name}。", "诊断意见：{name}。", "考虑{name}。"),
    },
    nothing=("所评估的征象均未见。", "就所评估征象而言未见异常。", "所评估项目未见异常。"),
    joins=("及", "或", "、"),
    title=False,
)  # fmt: skip
