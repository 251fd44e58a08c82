"""The sentences of every reason, in English and Chinese. Values stand in braces."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from loupe.contract.text import Text

SENTENCES: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "gantry_tilt": Text(
            en="The slices are tilted by {degrees:.1f}° against the direction they are stacked in; "
            "they were resampled to a straight grid, so fine detail is a little softer.",
            zh="切层相对堆叠方向倾斜 {degrees:.1f}°；已重采样为直角网格，细节略有柔化。",
        ),
        "gantry_tilt_refused": Text(
            en="The slices are tilted by {degrees:.1f}° against the direction they are stacked in; "
            "up to {most:.0f}° can be straightened. Send a series without gantry tilt.",
            zh="切层相对堆叠方向倾斜 {degrees:.1f}°；最多可校正 {most:.0f}°。"
            "请发送无机架倾斜的序列。",
        ),
        "oblique": Text(
            en="The slices are turned by {degrees:.1f}° against the patient's axes; they were "
            "resampled to a straight grid.",
            zh="切层相对患者坐标轴旋转 {degrees:.1f}°；已重采样为直角网格。",
        ),
        "non_uniform_spacing": Text(
            en="The distance between slices varies from {least:.2f} to {largest:.2f} mm; they were "
            "resampled to one every {spacing:.2f} mm.",
            zh="层间距在 {least:.2f} 至 {largest:.2f} mm 之间变化；已重采样为每 {spacing:.2f} "
            "mm 一层。",
        ),
        "missing_slices": Text(
            en="Slices seem to be missing, {count} in all: the largest gap is {largest:.2f} mm "
            "where slices usually lie {spacing:.2f} mm apart; gaps up to {most:.1f} mm can be "
            "filled. Send the whole series again.",
            zh="似乎缺少 {count} 层：最大间隙为 {largest:.2f} mm，而通常层间距为 {spacing:.2f} mm；"
            "最多可填补 {most:.1f} mm 的间隙。请重新发送完整序列。",
        ),
        "slices_too_far_apart": Text(
            en="The slices lie {spacing:.1f} mm apart; at most {most:.0f} mm are allowed, because "
            "what lies between them is not seen. Send a series of thinner slices.",
            zh="层间距为 {spacing:.1f} mm；最多允许 {most:.0f} mm，因为层间内容无法看到。"
            "请发送更薄的序列。",
        ),
        "thick_slices": Text(
            en="The slices lie {spacing:.1f} mm apart; small findings can hide between them.",
            zh="层间距为 {spacing:.1f} mm；小病灶可能隐藏在层间。",
        ),
        "doubled_slices": Text(
            en="More than one image lies at {count} of the positions; the first of each was used.",
            zh="{count} 个位置有多幅图像；已采用各自的第一幅。",
        ),
        "doubled_slices_split": Text(
            en="The series holds {times} sets of images of the same positions, told apart by "
            "{what}; the one of {kept} was used. To have another read, send it as a series of its "
            "own.",
            zh="该序列在相同位置含 {times} 组图像，以{what_zh}区分；已采用 {kept_zh} 的一组。"
            "如需读取其他组，请将其作为单独序列发送。",
        ),
        "doubled_slices_refused": Text(
            en="More than one image lies at {count} of {total} positions, and neither acquisition, "
            "kernel, phase nor instance numbers tell them apart. Send each reconstruction as a "
            "series of its own.",
            zh="{total} 个位置中有 {count} 个含多幅图像，且采集编号、重建核、时相和实例编号"
            "均无法区分。"
            "请将每个重建作为单独序列发送。",
        ),
        "repeated_file": Text(
            en="Images that came twice, unchanged: {count}; one of each was used.",
            zh="{count} 幅图像重复出现且内容相同；各用一幅。",
        ),
        "same_uid_different_pixels": Text(
            en="Images of one SOP instance UID differ in content ({count} of them), so nobody can "
            "say which is the true one. Send the series again from its source.",
            zh="{count} 幅图像的 SOP 实例 UID 相同但内容不同，无法判断哪一幅为真。"
            "请从来源重新发送该序列。",
        ),
        "localizer": Text(
            en="Localizer images inside the series were set aside: {count}.",
            zh="序列中含 {count} 幅定位像；已排除。",
        ),
        "only_localizers": Text(
            en="The series holds localizer images only; a stack of slices is needed.",
            zh="该序列仅含定位像；需要一叠切层。",
        ),
        "mixed_orientations": Text(
            en="Images in another plane than the others were set aside: {count} of {total}.",
            zh="{total} 幅图像中有 {count} 幅与其余不在同一方向；已排除。",
        ),
        "mixed_orientations_refused": Text(
            en="The images lie in {groups} different planes and none of them holds most of the "
            "series. Send each plane as a series of its own.",
            zh="图像分布于 {groups} 个不同方向，且无一占多数。请将各方向作为单独序列发送。",
        ),
        "mixed_sizes": Text(
            en="Images of another size or pixel spacing than the others were set aside: {count} "
            "of {total}.",
            zh="{total} 幅图像中有 {count} 幅的尺寸或像素间距与其余不同；已排除。",
        ),
        "mixed_sizes_refused": Text(
            en="The images have {groups} different sizes or pixel spacings and none of them holds "
            "most of the series. Send each reconstruction as a series of its own.",
            zh="图像有 {groups} 种不同尺寸或像素间距，且无一占多数。请将各重建作为单独序列发送。",
        ),
        "mixed_frames_of_reference": Text(
            en="Images of another frame of reference than the others were set aside: {count} of "
            "{total}; their positions cannot be compared.",
            zh="{total} 幅图像中有 {count} 幅的参考坐标系与其余不同，位置无法比较；已排除。",
        ),
        "mixed_frames_of_reference_refused": Text(
            en="The images lie in {groups} different frames of reference and none of them holds "
            "most of the series, so their positions cannot be compared. Send each scan as a series "
            "of its own.",
            zh="图像分属 {groups} 个不同的参考坐标系，且无一占多数，位置无法比较。"
            "请将各次扫描作为单独序列发送。",
        ),
        "mixed_patients": Text(
            en="The images of this study carry {count} different patient ids, so nobody can say "
            "whom it is about. Send each patient's images as a study of their own.",
            zh="该检查的图像含 {count} 个不同的患者编号，无法判断属于谁。"
            "请将每位患者的图像作为单独的检查发送。",
        ),
        "scattered_positions": Text(
            en="The images do not lie on one line: they stray {stray:.1f} mm sideways, at most "
            "{most:.1f} mm are allowed. Send the series as it was reconstructed.",
            zh="图像不在一条直线上：侧向偏离 {stray:.1f} mm，最多允许 {most:.1f} mm。"
            "请发送原始重建的序列。",
        ),
        "too_few_slices": Text(
            en="Slices in the series: {count}; at least {least} are needed. Send the whole series.",
            zh="该序列有 {count} 层；至少需要 {least} 层。请发送完整序列。",
        ),
        "too_many_slices": Text(
            en="The series has {count} slices; at most {most} are read. Send one scan at a time.",
            zh="该序列有 {count} 层；最多读取 {most} 层。请一次只发送一次扫描。",
        ),
        "too_large": Text(
            en="The volume would have {count:,} voxels; at most {most:,} are read. Send a "
            "reconstruction with fewer or smaller slices.",
            zh="该体数据将有 {count:,} 个体素；最多读取 {most:,} 个。请发送切层更少或更小的重建。",
        ),
        "missing_tag": Text(
            en="Images that cannot be placed: {count} of {total}. {first} Send the series again "
            "from the source, with its geometry.",
            zh="{total} 幅图像中有 {count} 幅无法定位：{first_zh} "
            "请从来源重新发送含几何信息的序列。",
        ),
        "bad_value": Text(
            en="Images with values that cannot be used: {count} of {total}. {first}",
            zh="{total} 幅图像中有 {count} 幅含无法使用的值：{first_zh}",
        ),
        "damaged_pixels": Text(
            en="Images whose pixels cannot be decoded: {count}. {first}",
            zh="{count} 幅图像的像素无法解码：{first_zh}",
        ),
        "missing_rescale": Text(
            en="Images that do not say how stored values become Hounsfield units: {count}; they "
            "were taken as they are.",
            zh="{count} 幅图像未说明如何换算为 HU；按原值使用。",
        ),
        "missing_modality": Text(
            en="The series does not say its modality; its kind of object says CT.",
            zh="该序列未标明检查类型；其对象类别为 CT。",
        ),
        "modality": Text(
            en="The modality is {modality}; only CT is read. Send the CT series.",
            zh="检查类型为 {modality}；仅支持 CT。请发送 CT 序列。",
        ),
        "out_of_scope": Text(
            en="The images are {what}, not slices as the scanner reconstructed them. Send the "
            "original series.",
            zh="图像为{what_zh}，并非扫描仪重建的切层。请发送原始序列。",
        ),
        "transfer_syntax": Text(
            en="The pixels are stored as {syntax}, which is not read. Send them uncompressed, or "
            "as JPEG lossless, JPEG-LS, JPEG 2000 (HTJ2K too) or RLE.",
            zh="像素以 {syntax} 存储，无法读取。请以未压缩、JPEG 无损、JPEG-LS、JPEG 2000"
            "（含 HTJ2K）或 RLE 发送。",
        ),
        "lossy": Text(
            en="The images were compressed with loss; fine structures may be altered.",
            zh="图像经有损压缩；细微结构可能改变。",
        ),
        "not_hounsfield": Text(
            en="The values do not look like Hounsfield units: {soft:.0%} of them lie where soft "
            "tissue does and {air:.0%} where air and lung do. Send the CT as it was reconstructed.",
            zh="数值不像 HU：{soft:.0%} 位于软组织范围，{air:.0%} 位于空气和肺的范围。"
            "请发送原始重建的 CT。",
        ),
        "rescaled_twice": Text(
            en="The values lie about 1024 too low, as if the rescale intercept had been applied "
            "twice. Send the CT as it was reconstructed.",
            zh="数值约低 1024，疑似重复应用了重标定截距。请发送原始重建的 CT。",
        ),
        "not_rescaled": Text(
            en="The values lie about 1024 too high, as if the rescale intercept had been left out. "
            "Send the CT as it was reconstructed.",
            zh="数值约高 1024，疑似未应用重标定截距。请发送原始重建的 CT。",
        ),
        "body_part": Text(
            en="No chest is seen: {litres:.2f} litres of lung over {extent:.0f} mm were found; a "
            "chest has at least {least_litres:.1f} litres over {least_extent:.0f} mm. Send a chest "
            "CT.",
            zh="未见胸部：在 {extent:.0f} mm 范围内找到 {litres:.2f} 升肺；胸部至少应有 "
            "{least_litres:.1f} 升、{least_extent:.0f} mm。请发送胸部 CT。",
        ),
        "body_part_named": Text(
            en="The series says its body part is {part}, and {litres:.2f} litres of lung over "
            "{extent:.0f} mm were found. Send a chest CT.",
            zh="该序列标明部位为 {part}，且在 {extent:.0f} mm 范围内找到 {litres:.2f} 升肺。"
            "请发送胸部 CT。",
        ),
        "coverage": Text(
            en="The lungs are cut off: their area at the {end} of the scan is {share:.0%} of the "
            "largest; what lies outside was not judged.",
            zh="肺部未完整覆盖：扫描{end_zh}处的肺面积为最大面积的 {share:.0%}；范围外未作判断。",
        ),
        "coverage_refused": Text(
            en="The scan covers {extent:.0f} mm of lung; at least {least:.0f} mm are needed. Send "
            "a scan of the whole chest.",
            zh="扫描仅覆盖 {extent:.0f} mm 的肺；至少需要 {least:.0f} mm。请发送完整胸部扫描。",
        ),
        "coverage_side": Text(
            en="The field of view cuts the chest off at the patient's {side}, on {share:.0%} of "
            "the slices that show lung; what lies outside was not judged.",
            zh="视野在患者{side_zh}截断胸部，见于 {share:.0%} 的含肺切层；范围外未作判断。",
        ),
        "coverage_sides_refused": Text(
            en="The field of view shows a part of the chest only: it is cut off at the patient's "
            "{sides}, and {litres:.2f} litres of lung are left. Send a reconstruction of the whole "
            "chest.",
            zh="视野仅含胸部的一部分：在患者{sides_zh}被截断，仅余 {litres:.2f} 升肺。"
            "请发送完整胸部的重建。",
        ),
        "small_body": Text(
            en="The body is {width} mm wide, like a child's; the model knows adult bodies only.",
            zh="身体宽 {width} mm，与儿童相当；模型仅适用于成人体型。",
        ),
        "small_body_refused": Text(
            en="The chest is that of a small body, like a child's: {litres:.2f} litres of lung "
            "over {extent:.0f} mm, {width} mm wide; the model knows adult bodies only. Send a "
            "chest CT of an adult.",
            zh="胸部属于较小的身体，与儿童相当：{extent:.0f} mm 范围内有 {litres:.2f} 升肺，宽 "
            "{width} mm；模型仅适用于成人体型。请发送成人的胸部 CT。",
        ),
        "not_finite": Text(
            en="{share:.1%} of the values are not numbers; they were read as air.",
            zh="{share:.1%} 的值不是数字；已按空气读取。",
        ),
        "not_finite_refused": Text(
            en="{share:.0%} of the values are not numbers; up to half of them can be read as air. "
            "Send the CT as it was reconstructed.",
            zh="{share:.0%} 的值不是数字；最多一半可按空气读取。请发送原始重建的 CT。",
        ),
        "four_dimensional": Text(
            en="The file has {count} volumes; one is read. Send one volume.",
            zh="该文件含 {count} 个体数据；仅读取一个。请发送单个体数据。",
        ),
        "missing_orientation": Text(
            en="The file does not say how the volume lies in the patient, so left and right cannot "
            "be told. Convert it from DICOM again.",
            zh="该文件未说明体数据在患者中的方位，无法区分左右。请重新从 DICOM 转换。",
        ),
        "contradicting_orientation": Text(
            en="The file says two different things about how the volume lies in the patient (its "
            "sform and its qform), so left and right cannot be told. Convert it from DICOM again.",
            zh="该文件对体数据在患者中的方位有两种不同说法（sform 与 qform），无法区分左右。"
            "请重新从 DICOM 转换。",
        ),
        "unverified_origin": Text(
            en="NIfTI files do not say what scanner or modality they come from; that was judged by "
            "the values alone.",
            zh="NIfTI 文件不含扫描仪或检查类型；仅凭数值判断。",
        ),
        "chosen": Text(
            en="Chosen: {why}.",
            zh="已选用：{why_zh}。",
        ),
        "not_chosen": Text(
            en="Not chosen: {why}.",
            zh="未选用：{why_zh}。",
        ),
        "file": Text(en="{words}", zh="{words_zh}"),
    }
)
