from data.episodes.gripper import GripperReading


def test_state_and_pose_are_parts_of_the_reading() -> None:
    reading = GripperReading(closed=1.0, x_m=0.5, y_m=-0.25, z_m=0.125, yaw_rad=1.5)
    assert reading.state().tolist() == [1.0, 0.125]
    assert reading.pose().tolist() == [0.5, -0.25, 0.125, 1.5]
